//! A JSON-RPC node on fixed ports, offline, with the program deployed: `taper-node HTTP_PORT WEBSOCKET_PORT PROGRAM_ID SO_PATH [SLOT_MS] [FIRST_SLOT]`.
//!
//! It prints `ready` and runs until it is killed. Its state is in memory: whoever kills it in the middle saves the accounts first and
//! writes them back (`surfnet_setAccount`). The ports are fixed so that a client finds a new node where the old one was.

mod websocket;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use surfpool_sdk::cheatcodes::builders::DeployProgram;
use surfpool_sdk::{BlockProductionMode, Pubkey, Surfnet};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};

/// Whatever went wrong.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [http_port, websocket_port, program, so_path, rest @ ..] = arguments.as_slice() else {
        return Err("usage: taper-node HTTP_PORT WEBSOCKET_PORT PROGRAM_ID SO_PATH [SLOT_MS] [FIRST_SLOT]".into());
    };
    let slot_ms = rest.first().map_or(Ok(400), |ms| ms.parse())?;
    let node = Surfnet::builder()
        .offline(true)
        .block_production_mode(BlockProductionMode::Clock)
        .slot_time_ms(slot_ms)
        .start()
        .await?;
    let program: Pubkey = program.parse()?;
    node.cheatcodes().deploy(DeployProgram::new(program).so_path(so_path.as_str()))?;
    if let Some(slot) = rest.get(1) {
        node.cheatcodes().time_travel_to_slot(slot.parse()?)?;
    }
    forward(http_port.parse()?, node.rpc_url()).await?;
    websocket::forward(websocket_port.parse()?, node.ws_url(), Arc::new(node.rpc_client())).await?;
    println!("ready");
    loop {
        // The node's events are of no interest, but its channel must not grow.
        while node.events().try_recv().is_ok() {}
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Accepts on a port and forwards to where the node listens: its own ports are chosen anew at every start.
async fn forward(port: u16, url: &str) -> Result<(), Failure> {
    let (_, target) = url.split_once("://").ok_or("the node's address has no scheme")?;
    let target: SocketAddr = target.trim_end_matches('/').parse()?;
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            tokio::spawn(async move {
                if let Ok(mut node) = TcpStream::connect(target).await {
                    // A connection that breaks is the client's to notice.
                    let _ = copy_bidirectional(&mut client, &mut node).await;
                }
            });
        }
    });
    Ok(())
}
