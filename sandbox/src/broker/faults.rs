//! What can go wrong with a broker, on demand.

use super::Broker;

/// When a connection is cut around a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// The frame has no effect.
    Before,
    /// The frame has its effect, but its receipt is never sent.
    After,
}

impl Broker {
    /// Drops every connection without a word; returns how many. What they had not acknowledged is queued again at once.
    pub fn cut_connections(&self) -> usize {
        self.hub.cut_connections()
    }

    /// Drops the next connection on which a client sends this command, such as `SEND` or `ACK`; happens once.
    pub fn cut_at_next(&self, command: &str, cut: Cut) {
        self.hub.cut_at_next(command, cut);
    }

    /// Delivers what is un-acknowledged once more to the same subscriptions: same message ids, fresh ack ids.
    /// Either ack id settles the message. Returns how many were sent.
    pub fn redeliver_unacked(&self, queue: &str) -> usize {
        self.hub.redeliver_unacked(queue)
    }

    /// Sends an ERROR frame to every client and leaves the connections open, as `ActiveMQ` often does.
    pub fn send_error(&self, message: &str) {
        self.hub.send_error(message);
    }

    /// While frozen the broker neither reads nor writes, not even a heart-beat, and the sockets stay open.
    pub fn freeze(&self, frozen: bool) {
        self.hub.freeze(frozen);
    }

    /// While refusing, a new connection is closed before its TLS handshake.
    pub fn refuse_new(&self, refuse: bool) {
        self.hub.refuse_new(refuse);
    }
}
