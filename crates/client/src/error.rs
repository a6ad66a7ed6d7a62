//! What can be wrong with a node.

use std::time::Duration;

use solana_pubkey::Pubkey;
use solana_rpc_client_api::client_error::{Error, ErrorKind};
use solana_rpc_client_api::custom_error::{
    JSON_RPC_SERVER_ERROR_MIN_CONTEXT_SLOT_NOT_REACHED, JSON_RPC_SERVER_ERROR_NODE_UNHEALTHY,
    JSON_RPC_SERVER_ERROR_SEND_TRANSACTION_PREFLIGHT_FAILURE,
};
use solana_rpc_client_api::request::{RpcError, RpcRequest, RpcResponseErrorData};
use solana_transaction_error::TransactionError;

use crate::address::Veil;

/// HTTP status and, with some providers, JSON-RPC code of a rate limit.
pub(crate) const TOO_MANY_REQUESTS: u16 = 429;

/// A request was not answered, or not with what was asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RpcFault {
    /// No answer in time.
    #[error("{request}: the node did not answer within {after:?}")]
    Timeout {
        /// The request.
        request: String,
        /// The limit.
        after: Duration,
    },
    /// Too many requests, again and again.
    #[error("{request}: the node limits the rate of requests; wait, or use another --url")]
    RateLimited {
        /// The request.
        request: String,
    },
    /// The node is behind what has been seen already.
    #[error("{request}: the node lags: it has not reached slot {wanted}; try again, or use another --url")]
    Lagging {
        /// The request.
        request: String,
        /// The newest slot that has been seen.
        wanted: u64,
    },
    /// The node says that it is not healthy.
    #[error("{request}: the node says that it is behind the cluster")]
    Unhealthy {
        /// The request.
        request: String,
    },
    /// The node was not reached.
    #[error("{request}: the node cannot be reached: {reason}")]
    Unreachable {
        /// The request.
        request: String,
        /// Why.
        reason: String,
    },
    /// The node answered with an error.
    #[error("{request}: the node answers with an error ({code}): {message}")]
    Refused {
        /// The request.
        request: String,
        /// Its code.
        code: i64,
        /// Its words.
        message: String,
    },
    /// The node refused a transaction after running it: it was not passed on.
    #[error("the transaction fails: {error}")]
    Preflight {
        /// Why.
        error: TransactionError,
        /// What the programs logged.
        logs: Vec<String>,
    },
    /// The answer is not what the protocol says.
    #[error("{request}: the node's answer makes no sense: {reason}")]
    Nonsense {
        /// The request.
        request: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The answer contradicts what was asked for.
    #[error("the node's answer is wrong: {0}")]
    Lie(Lie),
}

/// An answer that contradicts the question.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Lie {
    /// More or fewer accounts than asked for.
    #[error("{asked} accounts were asked for, {answered} came")]
    Count {
        /// Asked for.
        asked: usize,
        /// Came.
        answered: usize,
    },
    /// An account of another program in a list of one program's accounts.
    #[error("account {account} is listed as the program's, but owned by {owner}")]
    Owner {
        /// The account.
        account: Pubkey,
        /// Its owner.
        owner: Pubkey,
    },
    /// An account that does not match the filter.
    #[error("account {account} does not match the filter that was asked for")]
    Filter {
        /// The account.
        account: Pubkey,
    },
    /// The same account twice in one list.
    #[error("account {account} is listed twice")]
    Twice {
        /// The account.
        account: Pubkey,
    },
    /// A status and the transaction itself that do not agree.
    #[error("the node says of transaction {signature} both that it succeeded and that it failed")]
    Outcome {
        /// The transaction.
        signature: String,
    },
    /// Another signature than that of the transaction sent.
    #[error("the transaction {sent} was sent, the node names {named}")]
    Signature {
        /// Sent.
        sent: String,
        /// Named.
        named: String,
    },
}

impl RpcFault {
    /// Sorts an error of the client underneath.
    pub(crate) fn of(request: RpcRequest, error: &Error) -> Self {
        let name = request.to_string();
        match error.kind() {
            ErrorKind::Reqwest(error) if error.status().is_some_and(|status| status.as_u16() == TOO_MANY_REQUESTS) => {
                Self::RateLimited { request: name }
            }
            ErrorKind::Reqwest(error) if error.is_decode() => Self::Nonsense { request: name, reason: chain(error) },
            ErrorKind::Reqwest(error) => Self::Unreachable { request: name, reason: chain(error) },
            ErrorKind::SerdeJson(error) => Self::Nonsense { request: name, reason: format!("it is not JSON: {error}") },
            ErrorKind::Middleware(error) => Self::Unreachable { request: name, reason: error.to_string() },
            ErrorKind::Io(error) => Self::Unreachable { request: name, reason: error.to_string() },
            ErrorKind::RpcError(RpcError::RpcResponseError { code, message, data }) => {
                Self::of_response(name, *code, message, data)
            }
            ErrorKind::RpcError(RpcError::ParseError(wanted)) => {
                Self::Nonsense { request: name, reason: format!("expected is {wanted}") }
            }
            ErrorKind::RpcError(error) => Self::Nonsense { request: name, reason: error.to_string() },
            ErrorKind::TransactionError(error) => Self::Preflight { error: error.clone(), logs: Vec::new() },
            error => Self::Nonsense { request: name, reason: error.to_string() },
        }
    }

    fn of_response(request: String, code: i64, message: &str, data: &RpcResponseErrorData) -> Self {
        match (code, data) {
            (
                JSON_RPC_SERVER_ERROR_SEND_TRANSACTION_PREFLIGHT_FAILURE,
                RpcResponseErrorData::SendTransactionPreflightFailure(simulated),
            ) if simulated.err.is_some() => {
                let error = simulated.err.clone().map_or(TransactionError::SanitizeFailure, Into::into);
                Self::Preflight { error, logs: simulated.logs.clone().unwrap_or_default() }
            }
            (JSON_RPC_SERVER_ERROR_NODE_UNHEALTHY, _) => Self::Unhealthy { request },
            (JSON_RPC_SERVER_ERROR_MIN_CONTEXT_SLOT_NOT_REACHED, _) => Self::Lagging { request, wanted: 0 },
            (code, _) if code.unsigned_abs() == u64::from(TOO_MANY_REQUESTS) || code == -32_429 => {
                Self::RateLimited { request }
            }
            _ => Self::Refused { request, code, message: message.to_owned() },
        }
    }

    /// Its kind, for counting.
    pub fn class(&self) -> &'static str {
        match self {
            Self::Timeout { .. } => "timeout",
            Self::RateLimited { .. } => "rate_limited",
            Self::Lagging { .. } => "lagging",
            Self::Unhealthy { .. } => "unhealthy",
            Self::Unreachable { .. } => "unreachable",
            Self::Refused { .. } => "refused",
            Self::Preflight { .. } => "preflight",
            Self::Nonsense { .. } => "nonsense",
            Self::Lie(_) => "lie",
        }
    }

    /// All kinds.
    pub const CLASSES: [&'static str; 9] =
        ["timeout", "rate_limited", "lagging", "unhealthy", "unreachable", "refused", "preflight", "nonsense", "lie"];

    /// The same without what is secret in the node's address: nodes and libraries like to quote it.
    pub(crate) fn veiled(mut self, veil: &Veil) -> Self {
        if let Self::Unreachable { reason: text, .. }
        | Self::Nonsense { reason: text, .. }
        | Self::Refused { message: text, .. } = &mut self
        {
            *text = veil.over(text);
        }
        self
    }

    /// True for what is likely gone if one waits.
    pub fn passes(&self) -> bool {
        matches!(
            self,
            Self::Timeout { .. }
                | Self::RateLimited { .. }
                | Self::Lagging { .. }
                | Self::Unhealthy { .. }
                | Self::Unreachable { .. }
        )
    }
}

/// An error and its causes: "error sending request" alone helps nobody.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
