//! The bot against a node that a test scripts: honest, lying, lagging, limiting.

mod node;
mod scene;
mod start;
#[path = "../support/mod.rs"]
mod support;
mod websocket;

use std::time::{Duration, Instant};

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

/// The bot knows everything and may decide.
async fn in_step(bot: &scene::Bot) {
    wait_for("the bot to be in step", || bot.metrics.synced.get() == 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_answer_that_is_none_is_counted_by_kind_and_nothing_is_decided_until_the_node_is_sane() {
    for (answer, kind) in [
        (Answer::Status(429, None), "rate_limited"),
        (Answer::Status(503, None), "unreachable"),
        (Answer::Truncated, "nonsense"),
        (Answer::Body("<html>gateway</html>".into()), "nonsense"),
        (Answer::Result(serde_json::json!({ "context": { "slot": "ten" }, "value": 7 })), "nonsense"),
        (Answer::Error(-32_005, "Node is behind"), "unhealthy"),
        (Answer::Error(-32_603, "Internal error"), "refused"),
    ] {
        let scene = Scene::new().await;
        scene.node.always("getProgramAccounts", answer.clone());
        let bot = scene.start(&[]).await;
        wait_for(kind, || bot.metrics.faults(kind) > 0).await;
        assert_eq!((bot.metrics.synced.get(), scene.node.count("simulateTransaction")), (0, 0), "{answer:?}");
        scene.node.sane();
        wait_for("a confirmed action", || bot.metrics.outcome("confirmed") > 0).await;
        bot.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rate_limit_with_a_time_holds_every_request_for_that_time() {
    let scene = Scene::new().await;
    let bot = scene.start(&[]).await;
    in_step(&bot).await;
    let begun = Instant::now();
    scene.node.next("getMultipleAccounts", [Answer::Status(429, Some(6))]);
    wait_for("the limit", || bot.metrics.faults("rate_limited") > 0).await;
    // What was on its way already arrives; after that there is silence.
    let (silent, over) = (Instant::now() + Duration::from_secs(1), begun + Duration::from_secs(6));
    let times = || scene.node.state.lock().unwrap().times.clone();
    wait_for("the bot to ask again", || times().iter().any(|time| *time >= over)).await;
    assert!(silent + Duration::from_secs(2) < over, "this machine is too slow to tell");
    let early = times().iter().filter(|time| (silent..over).contains(*time)).count();
    assert_eq!(early, 0, "the node was asked while it wanted to be left alone");
    bot.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_hangs_or_goes_back_makes_everything_doubtful() {
    let scene = Scene::new().await;
    let bot = scene.start(&[]).await;
    in_step(&bot).await;
    scene.node.state.lock().unwrap().slot -= 100;
    wait_for("doubt", || bot.metrics.synced.get() == 0 && bot.metrics.faults("lagging") > 0).await;
    scene.node.state.lock().unwrap().slot += 101;
    in_step(&bot).await;
    bot.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_stays_behind_is_taken_for_another_chain_and_loaded_anew() {
    let scene = Scene::new().await;
    let bot = scene.start(&[("lag_seconds = 60", "lag_seconds = 3")]).await;
    in_step(&bot).await;
    let loads = bot.metrics.loads.get();
    scene.node.state.lock().unwrap().slot -= 500;
    wait_for("another load", || bot.metrics.loads.get() > loads).await;
    in_step(&bot).await;
    bot.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_that_lie_are_not_taken() {
    // An account of another program, one that is listed twice, and no exchange.
    for lie in ["owner", "twice", "empty"] {
        let scene = Scene::new().await;
        let row = |owner: &str| {
            let account = serde_json::json!({
                "lamports": 1, "data": ["AQI=", "base64"], "owner": owner, "executable": false, "rentEpoch": 0
            });
            serde_json::json!({ "pubkey": taper_sdk::PROGRAM_ID.to_string(), "account": account })
        };
        let ours = taper_sdk::PROGRAM_ID.to_string();
        let rows = match lie {
            "owner" => vec![row("11111111111111111111111111111111")],
            "twice" => vec![row(&ours), row(&ours)],
            _ => vec![],
        };
        let answer = serde_json::json!({ "context": { "slot": 1_010 }, "value": rows });
        scene.node.always("getProgramAccounts", Answer::Result(answer));
        let bot = scene.start(&[]).await;
        let is_counted = lie != "empty";
        let asked = || scene.node.count("getProgramAccounts") as i64;
        wait_for("two attempts", || asked() > 2 && (!is_counted || bot.metrics.faults("lie") > 1)).await;
        assert_eq!((bot.metrics.synced.get(), bot.metrics.loads.get()), (0, 0), "{lie}");
        // The node counts a question when it is asked, the bot a lie when it has been read.
        let lies = bot.metrics.faults("lie");
        assert!(lies <= if is_counted { asked() } else { 0 }, "{lie}: {lies} lies in {} answers", asked());
        scene.node.sane();
        in_step(&bot).await;
        bot.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_vanishes_is_reserved_until_it_can_land_no_more() {
    let scene = Scene::new().await;
    scene.node.state.lock().unwrap().fate = Fate::Vanishes;
    let bot = scene.start(&[("max_in_flight = 16", "max_in_flight = 1")]).await;
    wait_for("a transaction", || scene.node.sent() > 0).await;
    wait_for("the same again", || scene.node.count("sendTransaction") > 2).await;
    // The same bytes each time, and nothing else while its fate is open.
    assert_eq!((scene.node.sent(), bot.metrics.in_flight.get(), bot.metrics.outcome("expired")), (1, 1, 0));
    scene.node.state.lock().unwrap().height += 151;
    wait_for("its expiry", || bot.metrics.outcome("expired") > 0).await;
    bot.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_race_on_chain_after_a_good_simulation_is_no_failure() {
    let scene = Scene::new().await;
    scene.node.state.lock().unwrap().fate = Fate::Fails(u32::from(taper::error::TaperError::UnexpectedBase));
    let bot = scene.start(&[]).await;
    wait_for("lost races", || bot.metrics.outcome("lost_race") > 0).await;
    assert_eq!((bot.metrics.outcome("failed"), bot.metrics.slices.get()), (0, 0));
    assert!(bot.metrics.fees.get() > 0, "a transaction that fails on chain has paid its fee");
    bot.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_status_that_the_transaction_contradicts_is_unknown_until_they_agree() {
    let scene = Scene::new().await;
    let failed = serde_json::json!({
        "slot": 1_010, "confirmations": 1, "err": { "InstructionError": [2, { "Custom": 1 }] },
        "status": { "Err": { "InstructionError": [2, { "Custom": 1 }] } }, "confirmationStatus": "confirmed"
    });
    let answer = serde_json::json!({ "context": { "slot": 1_010 }, "value": [failed] });
    scene.node.always("getSignatureStatuses", Answer::Result(answer));
    let bot = scene.start(&[("max_in_flight = 16", "max_in_flight = 1")]).await;
    wait_for("contradictions", || scene.node.count("getTransaction") > 1).await;
    assert_eq!(
        (bot.metrics.in_flight.get(), bot.metrics.outcome("failed"), bot.metrics.outcome("confirmed")),
        (1, 0, 0)
    );
    scene.node.sane();
    wait_for("agreement", || bot.metrics.outcome("confirmed") > 0).await;
    assert_eq!(bot.metrics.outcome("failed"), 0);
    bot.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_absurd_fee_is_capped() {
    let scene = Scene::new().await;
    scene.node.state.lock().unwrap().fee = u64::MAX;
    let bot = scene.start(&[]).await;
    wait_for("the cap", || bot.metrics.fee_capped.get() > 0).await;
    bot.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_blockhash_nothing_is_sent() {
    let scene = Scene::new().await;
    scene.node.always("getLatestBlockhash", Answer::Status(503, None));
    let bot = scene.start(&[]).await;
    wait_for("refusals of its own", || bot.metrics.outcome("failed") > 0).await;
    assert_eq!((scene.node.sent(), scene.node.count("sendTransaction")), (0, 0));
    scene.node.sane();
    bot.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_never_comes_stops_what_needs_it_and_no_more() {
    // The bot waits 5 seconds for each.
    let scene = Scene::new().await;
    scene.node.next("simulateTransaction", [Answer::Hang]);
    scene.node.next("sendTransaction", [Answer::Hang]);
    let bot = scene.start(&[("max_in_flight = 16", "max_in_flight = 1")]).await;
    wait_for("the simulation that was given up", || bot.metrics.outcome("failed") == 1).await;
    let asked: Vec<String> = scene.node.state.lock().unwrap().asked.iter().map(|(method, _)| method.clone()).collect();
    let first = |method: &str| asked.iter().position(|asked| asked == method).unwrap_or(asked.len());
    let second_simulation =
        asked.iter().skip(first("simulateTransaction") + 1).position(|asked| asked == "simulateTransaction");
    assert!(second_simulation.is_none_or(|after| first("sendTransaction") > first("simulateTransaction") + 1 + after));
    // Handed over to a node that never says so: sent again, the same, until its fate is known.
    wait_for("a confirmed action", || bot.metrics.outcome("confirmed") > 0).await;
    assert_eq!(bot.metrics.outcome("failed"), 1);
    assert!(scene.node.count("sendTransaction") > scene.node.sent());
    scene.node.always("getMultipleAccounts", Answer::Hang);
    wait_for("doubt", || bot.metrics.synced.get() == 0).await;
    let simulated = scene.node.count("simulateTransaction");
    tokio::time::sleep(Duration::from_secs(1)).await;
    // One may have been on its way.
    assert!(scene.node.count("simulateTransaction") <= simulated + 1);
    scene.node.sane();
    in_step(&bot).await;
    bot.end().await;
}
