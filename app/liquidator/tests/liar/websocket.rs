//! What the node says over its websocket, and what it does not.

use super::in_step;
use crate::node::{notification, Answer};
use crate::scene::{wait_for, Scene};
use crate::support;

#[tokio::test(flavor = "multi_thread")]
async fn garbage_on_the_websocket_leads_to_loading_anew() {
    let scene = Scene::new().await;
    let bot = scene.start(&[]).await;
    in_step(&bot).await;
    let key = support::margin_key(0);
    for (text, unreadable) in [
        ("not json".to_owned(), 1),
        (notification(1, serde_json::json!({ "value": 7 })), 2),
        (notification(99, serde_json::json!(1)), 3),
        // A slot that cannot be.
        (scene.node.update(&key, u64::MAX), 4),
    ] {
        in_step(&bot).await;
        let loads = bot.metrics.loads.get();
        scene.node.say(text);
        wait_for("the gap", || bot.metrics.unreadable.get() == unreadable).await;
        wait_for("another load", || bot.metrics.loads.get() > loads).await;
    }
    in_step(&bot).await;
    bot.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_websocket_that_closes_or_stops_is_connected_anew() {
    let scene = Scene::new().await;
    let bot = scene.start(&[]).await;
    in_step(&bot).await;
    scene.node.hang_up();
    wait_for("a second connection", || bot.metrics.connections.get() >= 2).await;
    in_step(&bot).await;
    scene.node.always("slots", Answer::Hang);
    wait_for("doubt", || bot.metrics.synced.get() == 0).await;
    scene.node.sane();
    wait_for("a third connection", || bot.metrics.connections.get() >= 3).await;
    in_step(&bot).await;
    bot.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_fills_the_queue_and_is_made_up_for() {
    let scene = Scene::new().await;
    let bot = scene.start(&[("queue_updates = 65_536", "queue_updates = 2")]).await;
    in_step(&bot).await;
    let (loads, update) = (bot.metrics.loads.get(), scene.node.update(&support::margin_key(0), 1_010));
    for _ in 0..20_000 {
        scene.node.say(update.clone());
    }
    wait_for("a full queue", || bot.metrics.dropped.get() > 0).await;
    wait_for("another load", || bot.metrics.loads.get() > loads).await;
    in_step(&bot).await;
    bot.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_websocket_that_lags_by_slots_is_noticed() {
    let scene = Scene::new().await;
    let bot = scene.start(&[]).await;
    in_step(&bot).await;
    let key = support::margin_key(0);
    // The clock says 1,010: 64 slots are what a good node can be late by.
    let (loads, updates) = (bot.metrics.loads.get(), bot.metrics.updates.get());
    scene.node.say(scene.node.update(&key, 946));
    wait_for("the update", || bot.metrics.updates.get() > updates).await;
    // Two ticks of the clock.
    tokio::time::sleep(std::time::Duration::from_millis(900)).await;
    assert_eq!((bot.metrics.late.get(), bot.metrics.loads.get(), bot.metrics.synced.get()), (0, loads, 1));
    scene.node.say(scene.node.update(&key, 945));
    wait_for("the gap", || bot.metrics.late.get() == 1).await;
    wait_for("another load", || bot.metrics.loads.get() > loads).await;
    in_step(&bot).await;
    bot.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_that_is_refused_or_not_answered_leaves_the_bot_waiting() {
    for (method, answer) in [
        ("programSubscribe", Answer::Error(-32_601, "Method not found")),
        ("slotSubscribe", Answer::Error(-32_601, "Method not found")),
        ("accountSubscribe", Answer::Error(-32_005, "Too many subscriptions")),
        ("programSubscribe", Answer::Hang),
    ] {
        let scene = Scene::new().await;
        scene.node.always(method, answer.clone());
        let bot = scene.start(&[]).await;
        wait_for("two attempts", || scene.node.count(method) > 1).await;
        // Without news of prices the bot may still act on what it has just loaded.
        let acted = scene.node.count("simulateTransaction") > 0;
        assert!(!acted || method == "accountSubscribe", "{method} {answer:?}");
        scene.node.sane();
        wait_for("a confirmed action", || bot.metrics.outcome("confirmed") > 0).await;
        bot.end().await;
    }
}
