//! The same end, to the byte, whatever the order of legs, whoever calls, however calls are cut.

use solana_instruction::{AccountMeta, Instruction};
use solana_signer::Signer;
use taper::events::LegResolved;
use taper_engine::seat::Seat;
use taper_sdk::instruction::SYSTEM_PROGRAM;

use super::*;

const ORDERS: [[usize; 3]; 6] = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];

#[tokio::test]
async fn the_order_of_legs_changes_no_byte() {
    let mut world = ruined().await;
    let start = world.chain.snapshot();
    let owed = -world.health("alice").unwrap().maintenance.equity.0;
    let mut first = None;
    for order in ORDERS {
        world.chain.restore(&start);
        let (mut insurance, mut deleveraged, mut socialised, mut unassigned, mut cancelled) = (0, 0, 0, 0, 0);
        for market in order {
            for call in world.resolve_leg("alice", market).await.unwrap() {
                let report = call.plan.report;
                assert_eq!(report.kind, 0);
                insurance += report.insurance_from_market_atoms + report.insurance_from_fund_atoms;
                deleveraged += report.deleveraged_atoms;
                socialised += report.socialised_atoms;
                unassigned += report.unassigned_atoms;
                cancelled += report.cancelled_orders;
            }
        }
        // Every kind of payer has paid, nobody included, and together what she lacked beyond her three bonds.
        assert_eq!((insurance, cancelled), (100_000_000, 1));
        assert!(deleveraged > 0 && socialised > 0 && unassigned > 0, "{deleveraged} {socialised} {unassigned}");
        assert_eq!(insurance + deleveraged + socialised + unassigned, owed - 3 * TOKEN as i64);
        resolve_flat(&mut world, "alice", order).await;
        let end = everything(&world);
        match &first {
            None => first = Some(end),
            Some(first) => assert_same(first, &end, &format!("{order:?}")),
        }
    }
}

/// The second round, in which seats that owe give their bonds, has orders too.
#[tokio::test]
async fn the_order_of_flat_legs_changes_no_byte() {
    let mut world = hedged().await;
    for market in 0..3 {
        world.resolve_leg("alice", market).await.unwrap();
    }
    let waiting: Vec<usize> = (0..3).filter(|market| world.seat("alice", *market).unwrap().is_some()).collect();
    assert_eq!(waiting, [0, 1]);
    let start = world.chain.snapshot();
    resolve_flat(&mut world, "alice", waiting.clone()).await;
    let forwards = everything(&world);
    world.chain.restore(&start);
    resolve_flat(&mut world, "alice", waiting.into_iter().rev()).await;
    assert_same(&forwards, &everything(&world), "backwards");
}

/// One lamport from carol: she signs, and so is one of the callers.
fn greeting(world: &World) -> Instruction {
    const TRANSFER: u32 = 2;
    let carol = world.trader("carol").key();
    Instruction {
        program_id: SYSTEM_PROGRAM,
        accounts: vec![AccountMeta::new(carol, true), AccountMeta::new(world.chain.payer(), false)],
        data: [&TRANSFER.to_le_bytes()[..], &1u64.to_le_bytes()[..]].concat(),
    }
}

/// Sends so many calls for alice's first leg in each transaction, from carol or nobody. Returns the counterparties of each call, from its event.
async fn resolve_in(world: &mut World, calls: &[usize], by_carol: bool) -> Vec<usize> {
    let (resolve, greeting) = (world.resolve_instruction("alice", 0).unwrap(), greeting(world));
    let carol = world.trader("carol").keypair;
    let mut counterparties = Vec::new();
    for count in calls {
        let mut instructions = vec![resolve.clone(); *count];
        instructions.extend(by_carol.then(|| greeting.clone()));
        let outcome = world.chain.send(&instructions, &[&carol]).await.unwrap();
        counterparties.extend(outcome.events::<LegResolved>().iter().map(|event| event.counterparties.len()));
    }
    assert_eq!(world.base("alice", 0).unwrap(), 0);
    counterparties
}

#[tokio::test]
async fn callers_and_cuts_change_no_byte() {
    let mut world = crowded().await;
    assert_eq!(world.trader("carol").key(), world.trader("carol").keypair.pubkey());
    let start = world.chain.snapshot();
    let mut first = None;
    for (calls, by_carol) in
        [(&[1, 1, 1][..], false), (&[3], false), (&[2, 1], true), (&[1, 2], true), (&[1, 1, 1], true)]
    {
        world.chain.restore(&start);
        let counterparties = resolve_in(&mut world, calls, by_carol).await;
        if world.chain.is_vm() {
            assert_eq!(counterparties, [16, 16, 8]);
        }
        world.resolve_leg("alice", 1).await.unwrap();
        resolve_flat(&mut world, "alice", [0, 1]).await;
        let end = everything(&world);
        match &first {
            None => first = Some(end),
            Some(first) => assert_same(first, &end, &format!("{calls:?}, carol {by_carol}")),
        }
    }
    // The other leg before.
    world.chain.restore(&start);
    world.resolve_leg("alice", 1).await.unwrap();
    resolve_in(&mut world, &[3], false).await;
    resolve_flat(&mut world, "alice", [0, 1]).await;
    assert_same(&first.unwrap(), &everything(&world), "the other leg first");
}

/// Money and positions, without the slots in which something was last done.
#[derive(Debug, PartialEq)]
struct Balances {
    cash: Vec<i64>,
    seats: Vec<[i64; 4]>,
    pools: Vec<[i64; 4]>,
    fund: i64,
}

fn balances(world: &World) -> Balances {
    let seat = |seat: &Seat| {
        let bond = i64::try_from(seat.bond_atoms).unwrap();
        [seat.base_lots, seat.quote_entry_atoms, seat.realised_atoms, bond]
    };
    let states: Vec<_> = (0..2).map(|market| &world.market_account(market).unwrap().state).collect();
    Balances {
        cash: world.traders().map(|trader| world.cash(&trader.name).unwrap()).collect(),
        seats: states.iter().flat_map(|state| state.seats.rows.iter().take(64).map(seat)).collect(),
        pools: states
            .iter()
            .map(|state| {
                let of_market = [state.open_interest_base_lots, state.net_swept_profit_atoms];
                [of_market[0], of_market[1], state.deleveraged_atoms, state.unassigned_loss_atoms]
            })
            .collect(),
        fund: world.exchange().unwrap().insurance_atoms,
    }
}

/// Cut by slots: what is half done goes on at the same price, one call in each.
#[tokio::test]
async fn slots_between_calls_change_no_atom() {
    let mut world = crowded().await;
    let start = world.chain.snapshot();
    let mut first = None;
    for slots in [0, 1, 7] {
        world.chain.restore(&start);
        for _ in 0..3 {
            let left = world.resolve("alice", 0).await.unwrap().plan.report;
            assert_eq!(left.base_lots_left == 0, left.remaining_atoms == 0, "{left:?}");
            world.pass(slots).unwrap();
        }
        world.resolve_leg("alice", 1).await.unwrap();
        resolve_flat(&mut world, "alice", [0, 1]).await;
        let end = balances(&world);
        match &first {
            None => first = Some(end),
            Some(first) => assert_eq!(*first, end, "{slots} slots between calls"),
        }
    }
}
