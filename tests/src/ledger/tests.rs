use super::*;
use crate::world::World;

/// An event that is dropped is found, whichever it is.
#[tokio::test]
async fn every_event_is_needed() {
    let mut world = World::new().await.unwrap();
    if !world.chain.is_vm() {
        return; // The native processor has no events.
    }
    let (before, outcome) =
        (world.chain.ledger().unwrap().clone(), { world.take("alice", 0, Side::Bid, 100).await.unwrap() });
    let events: Vec<String> = outcome.logs.iter().filter(|line| line.starts_with(EVENT_PREFIX)).cloned().collect();
    // A seat, a book, a sweep of the fee, the order.
    assert_eq!(events.len(), 4);
    for dropped in 0..=events.len() {
        let mut ledger = before.clone();
        let kept = events.iter().enumerate().filter(|(index, _)| *index != dropped).map(|(_, event)| event.clone());
        ledger.take_in(&kept.collect::<Vec<_>>(), world.chain.slot());
        let difference = ledger.difference(&world.chain).unwrap();
        assert_eq!(difference.is_none(), dropped == events.len(), "without event {dropped}: {difference:?}");
    }
    let mut truncated = before;
    truncated.take_in(&[TRUNCATED.to_owned()], world.chain.slot());
    assert!(truncated.difference(&world.chain).unwrap().unwrap().1.contains("truncated"));
}
