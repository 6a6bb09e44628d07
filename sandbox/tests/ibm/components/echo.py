"""One function that gives back its input."""

from resilient_circuits import FunctionResult, ResilientComponent, StatusMessage, function


class EchoComponent(ResilientComponent):
    @function("fn_ibm_echo")
    def _echo(self, event, *args, **kwargs):
        yield StatusMessage("echoing")
        yield FunctionResult({"echo": kwargs["ibm_text"]})
