//! The bot against a node that a test scripts: honest, lying, lagging, limiting.

mod node;
mod scene;
#[path = "../support/mod.rs"]
mod support;

use node::{Answer, Fate};
use scene::{wait_for, Scene};

#[tokio::test(flavor = "multi_thread")]
async fn an_honest_node_is_worked_with() {
    let scene = Scene::new().await;
    let bot = scene.start(&[]).await;
    wait_for("a confirmed action", || bot.metrics.outcome("confirmed") > 0).await;
    assert!(scene.node.sent() > 0);
    bot.end().await;
}
