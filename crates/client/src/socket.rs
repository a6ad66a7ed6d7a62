//! JSON-RPC over a websocket: subscriptions and what they bring. Unlike the library's own client it passes on what it cannot understand: an
//! update that is dropped in silence is a gap that nobody knows of.

use std::collections::VecDeque;

use futures_util::{SinkExt, StreamExt};
use serde_json::{json, Value};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{connect_async, MaybeTlsStream, WebSocketStream};

use crate::address::Veil;

/// Notifications that may wait while a subscription is being made.
const WAITING_MAX: usize = 65_536;

/// Number of a subscription.
pub type SubscriptionId = u64;

/// Why a websocket cannot be used any more. No text of it holds the address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SocketFault {
    /// No connection.
    #[error("no connection: {0}")]
    Connect(String),
    /// The node does not take a subscription.
    #[error("{method} refused: {reason}")]
    Refused {
        /// Which.
        method: &'static str,
        /// Its words.
        reason: String,
    },
    /// The node has closed the connection.
    #[error("the node has closed the connection")]
    Closed,
    /// The connection is broken.
    #[error("the connection is broken: {0}")]
    Broken(String),
    /// The node sends nothing but updates while a subscription waits for its number.
    #[error("{method} is not answered")]
    Unanswered {
        /// Which.
        method: &'static str,
    },
}

/// What a websocket brings.
#[derive(Clone, Debug, PartialEq)]
pub enum Note {
    /// An update of a subscription.
    Update {
        /// Which.
        subscription: SubscriptionId,
        /// As the node sends it.
        value: Value,
    },
    /// Something that is no update.
    Garbage,
}

/// A connection.
pub struct Socket {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
    waiting: VecDeque<Note>,
    next_id: u64,
    veil: Veil,
}

enum Heard {
    Note(Note),
    Answer { id: u64, result: Result<Value, String> },
}

impl Socket {
    /// Connects.
    ///
    /// # Errors
    /// `Connect`.
    pub async fn connect(url: &str) -> Result<Self, SocketFault> {
        let veil = Veil::of([url]);
        match connect_async(url).await {
            Ok((stream, _)) => Ok(Self { stream, waiting: VecDeque::new(), next_id: 1, veil }),
            Err(error) => Err(SocketFault::Connect(veil.over(&error.to_string()))),
        }
    }

    /// Subscribes, and waits for the subscription's number.
    ///
    /// # Errors
    /// [`SocketFault`].
    pub async fn subscribe(&mut self, method: &'static str, params: Value) -> Result<SubscriptionId, SocketFault> {
        let id = self.next_id;
        self.next_id += 1;
        let request = json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }).to_string();
        self.stream.send(Message::text(request)).await.map_err(|error| self.broken(&error))?;
        loop {
            match self.hear().await? {
                Heard::Note(note) => {
                    if self.waiting.len() >= WAITING_MAX {
                        return Err(SocketFault::Unanswered { method });
                    }
                    self.waiting.push_back(note);
                }
                Heard::Answer { id: answered, result } if answered == id => {
                    let reason = match result.map(|number| number.as_u64()) {
                        Ok(Some(number)) => return Ok(number),
                        Ok(None) => "its number is none".to_owned(),
                        Err(reason) => self.veil.over(&reason),
                    };
                    return Err(SocketFault::Refused { method, reason });
                }
                Heard::Answer { .. } => self.waiting.push_back(Note::Garbage),
            }
        }
    }

    /// The next that it brings. May be given up at any time: nothing is lost.
    ///
    /// # Errors
    /// [`SocketFault`]; the connection is over.
    pub async fn next(&mut self) -> Result<Note, SocketFault> {
        if let Some(note) = self.waiting.pop_front() {
            return Ok(note);
        }
        match self.hear().await? {
            Heard::Note(note) => Ok(note),
            Heard::Answer { .. } => Ok(Note::Garbage),
        }
    }

    async fn hear(&mut self) -> Result<Heard, SocketFault> {
        loop {
            match self.stream.next().await {
                None | Some(Ok(Message::Close(_))) => return Err(SocketFault::Closed),
                Some(Err(error)) => return Err(self.broken(&error)),
                Some(Ok(Message::Text(text))) => return Ok(heard(&text)),
                Some(Ok(Message::Binary(_))) => return Ok(Heard::Note(Note::Garbage)),
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
            }
        }
    }

    fn broken(&self, error: &tokio_tungstenite::tungstenite::Error) -> SocketFault {
        SocketFault::Broken(self.veil.over(&error.to_string()))
    }
}

fn heard(text: &str) -> Heard {
    let Ok(mut message) = serde_json::from_str::<Value>(text) else { return Heard::Note(Note::Garbage) };
    if let Some(id) = message.get("id").and_then(Value::as_u64) {
        let words =
            |error: &Value| error.get("message").and_then(Value::as_str).unwrap_or("no reason given").to_owned();
        let result = match message.get("error").filter(|error| !error.is_null()) {
            Some(error) => Err(words(error)),
            None => Ok(message["result"].take()),
        };
        return Heard::Answer { id, result };
    }
    let subscription = message.pointer("/params/subscription").and_then(Value::as_u64);
    let value = message.pointer_mut("/params/result").map(Value::take);
    Heard::Note(match (subscription, value) {
        (Some(subscription), Some(value)) => Note::Update { subscription, value },
        _ => Note::Garbage,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn updates_answers_and_garbage() {
        let update =
            heard(r#"{"jsonrpc":"2.0","method":"slotNotification","params":{"result":{"slot":7},"subscription":3}}"#);
        assert!(
            matches!(&update, Heard::Note(Note::Update { subscription: 3, value }) if value["slot"] == 7),
            "an update is one"
        );
        for garbage in
            ["", "{", "[]", "7", r#"{"params":{"subscription":"x","result":1}}"#, r#"{"params":{"subscription":1}}"#]
        {
            assert!(matches!(heard(garbage), Heard::Note(Note::Garbage)), "{garbage}");
        }
        assert!(matches!(heard(r#"{"id":4,"result":9}"#), Heard::Answer { id: 4, result: Ok(value) } if value == 9));
        assert!(
            matches!(heard(r#"{"id":4,"error":{"message":"no"}}"#), Heard::Answer { result: Err(reason), .. } if reason == "no")
        );
    }
}
