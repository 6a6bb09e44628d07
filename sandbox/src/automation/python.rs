//! The embedded Python: one interpreter a thread, made by its first script and then kept.

use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use rustpython_vm::builtins::{PyBaseExceptionRef, PyCode, PyDictRef};
use rustpython_vm::compiler::Mode;
use rustpython_vm::py_serde::{PyObjectDeserializer, PyObjectSerializer};
use rustpython_vm::scope::Scope;
use rustpython_vm::{
    AsObject, Interpreter, PyObjectRef, PyRef, PyResult, Settings, VirtualMachine,
};
use serde::de::DeserializeSeed;
use serde_json::Value;

use super::AutomationError;

/// The objects that scripts see, in Python.
const PRELUDE: &str = include_str!("prelude.py");
/// Names a script's lines in tracebacks.
const SCRIPT: &str = "<script>";

thread_local! {
    static PYTHON: OnceCell<Python> = const { OnceCell::new() };
}

/// Runs a script over a context and returns its effects, all as JSON.
pub(super) fn run(script: &str, context: Value) -> Result<Value, AutomationError> {
    PYTHON.with(|python| {
        if let Some(python) = python.get() {
            return python.run(script, context);
        }
        let made = Python::new()?;
        python.get_or_init(|| made).run(script, context)
    })
}

struct Python {
    interpreter: Interpreter,
    /// The prelude's `begin`.
    begin: PyObjectRef,
    /// Scripts come again and again; compiling one costs more than running it.
    compiled: RefCell<HashMap<String, PyRef<PyCode>>>,
}

/// Held while an interpreter is made. `RustPython` learns how each signal is handled by ignoring it for a moment: two that do
/// so at once may leave one ignored for good, SIGCHLD among them, and then no child has a status any more.
static MAKING: Mutex<()> = Mutex::new(());

impl Python {
    fn new() -> Result<Self, AutomationError> {
        let _making = MAKING.lock().unwrap_or_else(PoisonError::into_inner);
        let mut settings = Settings::default();
        settings.install_signal_handlers = false;
        settings.import_site = false;
        let interpreter = Interpreter::without_stdlib(settings);
        let begin = interpreter.enter(|vm| {
            let scope = vm.new_scope_with_builtins();
            vm.run_code_string(scope.clone(), PRELUDE, "<prelude>".to_owned())
                .and_then(|_| scope.globals.get_item("begin", vm))
                .map_err(|error| AutomationError::Python(describe(&error, vm)))
        })?;
        Ok(Self {
            interpreter,
            begin,
            compiled: RefCell::default(),
        })
    }

    fn run(&self, script: &str, context: Value) -> Result<Value, AutomationError> {
        self.interpreter.enter(|vm| {
            let code = self.compile(script, vm)?;
            let context = PyObjectDeserializer::new(vm)
                .deserialize(context)
                .map_err(|error| AutomationError::Python(error.to_string()))?;
            let (names, effects) = self
                .begin(context, vm)
                .map_err(|error| AutomationError::Python(describe(&error, vm)))?;
            let scope = Scope::with_builtins(None, names.clone(), vm);
            let outcome = vm.run_code_obj(code, scope);
            // A function that the script defined holds its globals and they hold it: without this they stay for good.
            names.clear();
            outcome.map_err(|error| script_error(&error, vm))?;
            serde_json::to_value(PyObjectSerializer::new(vm, &effects))
                .map_err(|error| AutomationError::Python(error.to_string()))
        })
    }

    fn compile(&self, script: &str, vm: &VirtualMachine) -> Result<PyRef<PyCode>, AutomationError> {
        if let Some(code) = self.compiled.borrow().get(script) {
            return Ok(code.clone());
        }
        let code = vm
            .compile(script, Mode::Exec, SCRIPT.to_owned())
            .map_err(|error| AutomationError::Script {
                line: error.location.map(|location| location.row.to_usize()),
                message: format!("SyntaxError: {}", error.error),
            })?;
        self.compiled
            .borrow_mut()
            .insert(script.to_owned(), code.clone());
        Ok(code)
    }

    fn begin(
        &self,
        context: PyObjectRef,
        vm: &VirtualMachine,
    ) -> PyResult<(PyDictRef, PyObjectRef)> {
        let pair = self.begin.call((context,), vm)?;
        let names = pair
            .get_item(&0_usize, vm)?
            .downcast::<rustpython_vm::builtins::PyDict>();
        let names = names
            .map_err(|_| vm.new_type_error("begin returns a dict and the effects".to_owned()))?;
        Ok((names, pair.get_item(&1_usize, vm)?))
    }
}

/// The error with the last line of the script itself, not of the prelude that it called.
fn script_error(error: &PyBaseExceptionRef, vm: &VirtualMachine) -> AutomationError {
    let mut line = None;
    let mut next = error.traceback();
    while let Some(step) = next {
        if step.frame.code.source_path.as_str() == SCRIPT {
            line = Some(step.lineno.to_usize());
        }
        next = step.next.lock().as_ref().cloned();
    }
    AutomationError::Script {
        line,
        message: describe(error, vm),
    }
}

/// `ValueError: text`, as Python prints it.
fn describe(error: &PyBaseExceptionRef, vm: &VirtualMachine) -> String {
    let class = error.class().name().to_owned();
    let text = error
        .as_object()
        .str(vm)
        .map(|text| text.as_str().to_owned())
        .unwrap_or_default();
    if text.is_empty() {
        class
    } else {
        format!("{class}: {text}")
    }
}
