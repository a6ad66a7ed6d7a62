//! Websockets, with one fault of the node mended on the way: surfpool 1.6.1 names in every notification about an account the slot in which it was
//! subscribed to, not the one in which it changed. Whoever goes by slots, as a client must, takes what is new for old.

use std::sync::Arc;

use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use surfpool_sdk::{Pubkey, RpcClient};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{accept_async, connect_async};

use crate::Failure;

const CLOCK: Pubkey = Pubkey::from_str_const("SysvarC1ock11111111111111111111111111111111");

/// Accepts on a port and forwards to where the node listens.
pub async fn forward(port: u16, url: &str, rpc: Arc<RpcClient>) -> Result<(), Failure> {
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    let url = url.to_owned();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let (url, rpc) = (url.clone(), Arc::clone(&rpc));
            tokio::spawn(async move {
                // A connection that breaks is the client's to notice.
                if let Err(error) = connection(client, &url, rpc).await {
                    eprintln!("websocket: {error}");
                }
            });
        }
    });
    Ok(())
}

async fn connection(client: TcpStream, url: &str, rpc: Arc<RpcClient>) -> Result<(), Failure> {
    let (mut to_client, mut from_client) = accept_async(client).await?.split();
    let (mut to_node, mut from_node) = connect_async(url).await?.0.split();
    loop {
        tokio::select! {
            message = from_client.next() => match message {
                Some(message) => to_node.send(message?).await?,
                None => return Ok(()),
            },
            message = from_node.next() => match message {
                Some(Ok(Message::Text(text))) => to_client.send(mended(text.as_str(), &rpc).await?).await?,
                Some(message) => to_client.send(message?).await?,
                None => return Ok(()),
            },
        }
    }
}

/// The same message; one about an account names the slot of the chain's clock, which is never before that of the change.
async fn mended(text: &str, rpc: &Arc<RpcClient>) -> Result<Message, Failure> {
    let mut message: Value = serde_json::from_str(text)?;
    if let Some(slot) = message.pointer_mut("/params/result/context/slot") {
        let rpc = Arc::clone(rpc);
        let clock = tokio::task::spawn_blocking(move || rpc.get_account_data(&CLOCK)).await??;
        let now = clock.first_chunk::<8>().ok_or("the clock is too short")?;
        *slot = u64::from_le_bytes(*now).into();
    }
    Ok(Message::text(message.to_string()))
}
