//! JSON-RPC over HTTP. Unlike the library's own transport it never waits by itself: what the node asks for goes to the pace that all
//! requests share, and no error holds the node's address.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use reqwest::{Response, StatusCode};
use serde_json::Value;
use solana_rpc_client::rpc_sender::{RpcSender, RpcTransportStats};
use solana_rpc_client_api::client_error::{Error, ErrorKind, Result};
use solana_rpc_client_api::custom_error::JSON_RPC_SERVER_ERROR_SEND_TRANSACTION_PREFLIGHT_FAILURE;
use solana_rpc_client_api::request::{RpcError, RpcRequest, RpcResponseErrorData};

use crate::address::host;
use crate::error::TOO_MANY_REQUESTS;
use crate::pace::Pace;

pub struct Http {
    client: reqwest::Client,
    url: String,
    pace: Arc<Pace>,
    next_id: AtomicU64,
}

impl Http {
    pub fn new(url: &str, timeout: Duration, pace: Arc<Pace>) -> Self {
        let built = reqwest::Client::builder().timeout(timeout).pool_idle_timeout(timeout).build();
        // Without its system's certificates a client can still be made; it will say what is wrong when it is used.
        Self { client: built.unwrap_or_default(), url: url.to_owned(), pace, next_id: AtomicU64::new(0) }
    }

    /// Turns a refusal in HTTP into an error, and notes what the node asks for.
    fn accepted(&self, response: Response) -> Result<Response> {
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
        let after = after.map(Duration::from_secs);
        if status == StatusCode::TOO_MANY_REQUESTS {
            self.pace.refused(after);
            return Err(refused(i64::from(TOO_MANY_REQUESTS), "too many requests", RpcResponseErrorData::Empty));
        }
        if after.is_some() {
            self.pace.refused(after);
        }
        match status.is_server_error() {
            true => Err(ErrorKind::Io(std::io::Error::other(format!("it answers HTTP {status}"))).into()),
            false => Err(refused(i64::from(status.as_u16()), &format!("HTTP {status}"), RpcResponseErrorData::Empty)),
        }
    }
}

fn refused(code: i64, message: &str, data: RpcResponseErrorData) -> Error {
    RpcError::RpcResponseError { code, message: message.to_owned(), data }.into()
}

fn nonsense(reason: &str) -> Error {
    RpcError::ParseError(reason.to_owned()).into()
}

/// What a JSON-RPC answer says.
fn result_of(mut answer: Value, id: u64) -> Result<Value> {
    let Some(object) = answer.as_object_mut() else { return Err(nonsense("an object")) };
    if let Some(error) = object.get("error").filter(|error| !error.is_null()) {
        let code = error.get("code").and_then(Value::as_i64).ok_or_else(|| nonsense("a code of its error"))?;
        let message = error.get("message").and_then(Value::as_str).unwrap_or("");
        let data = error.get("data").filter(|_| code == JSON_RPC_SERVER_ERROR_SEND_TRANSACTION_PREFLIGHT_FAILURE);
        let simulated = data.and_then(|data| serde_json::from_value(data.clone()).ok());
        let data = simulated.map_or(RpcResponseErrorData::Empty, RpcResponseErrorData::SendTransactionPreflightFailure);
        return Err(refused(code, message, data));
    }
    if object.get("id").and_then(Value::as_u64) != Some(id) {
        return Err(nonsense("the answer to this request, not to another"));
    }
    object.remove("result").ok_or_else(|| nonsense("a result or an error"))
}

#[async_trait]
impl RpcSender for Http {
    async fn send(&self, request: RpcRequest, params: Value) -> Result<Value> {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let body = request.build_request_json(id, params).to_string();
        let sent = self.client.post(&self.url).header(CONTENT_TYPE, "application/json").body(body).send().await;
        let response = self.accepted(sent.map_err(reqwest::Error::without_url)?)?;
        let bytes = response.bytes().await.map_err(reqwest::Error::without_url)?;
        let answer = serde_json::from_slice(&bytes)?;
        self.pace.answered();
        result_of(answer, id)
    }

    fn get_transport_stats(&self) -> RpcTransportStats {
        RpcTransportStats::default()
    }

    fn url(&self) -> String {
        host(&self.url).to_owned()
    }
}
