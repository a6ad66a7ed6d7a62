//! Resolution against a reference in rationals: whole markets, accounts with up to four legs, any order of legs, to the atom.

#[path = "resolve_reference/model.rs"]
mod model;
#[path = "resolve_reference/spec.rs"]
mod spec;
#[path = "resolve_reference/world.rs"]
mod world;

use model::assert_nobody_is_overcharged;
use num_traits::{Signed, Zero};
use proptest::prelude::*;
use spec::{spec, Fate, Other, Spec, Venue};
use taper_engine::account::AccountState;
use taper_engine::error::EngineError;
use taper_engine::quantity::Price;
use taper_engine::resolve::{ResolveKind, COUNTERPARTIES};
use world::{World, SLOT};

/// The account, and its markets, as bytes.
fn bytes(world: &World) -> Vec<u8> {
    let mut all = bytemuck::bytes_of::<AccountState>(&world.account).to_vec();
    for place in &world.places {
        all.extend_from_slice(bytemuck::bytes_of(&*place.market));
        all.extend_from_slice(bytemuck::bytes_of(&*place.book));
    }
    all
}

/// Some legs stay, all of them if the account is above the takeover point: whichever is tried first, the same ones, and the same atoms move.
fn check_some(start: &World, model: &model::Model, orders: [u64; 2]) {
    let staying = model.staying();
    let mut model = model.clone();
    model.take_over_all_but(&staying);
    for order in orders {
        let mut world = start.clone();
        world.resolve_what_goes(order);
        for (at, place) in world.places.iter().enumerate() {
            let stays = staying.iter().any(|(market, _)| *market == at);
            assert_eq!(place.position.is_some() && place.has_position(), stays);
            assert_eq!(place.closings(), model.markets[at].moves);
        }
        assert!(world.calls > 0 || bytes(&world) == bytes(start));
    }
}

/// Neither positions nor debts: not an account to resolve, and its orders are its owner's to cancel.
fn is_idle(spec: &Spec, model: &model::Model) -> bool {
    let has_order = spec.venues.iter().any(|venue| venue.has_order);
    has_order && model.is_without_debt() && spec.venues.iter().all(|venue| venue.base == 0)
}

fn check(spec: &Spec) {
    let start = World::new(spec);
    start.audit();
    let mut model = start.model();
    let equity = model.equity();
    if is_idle(spec, &model) {
        return;
    }
    if !model.staying().is_empty() {
        check_some(&start, &model, spec.orders);
        return;
    }
    let before = model.clone();
    model.resolve();
    let mut ends = vec![];
    for order in spec.orders {
        let mut world = start.clone();
        let summaries = world.resolve_all(order);
        world.assert_is(&model);
        let kind = if equity.is_positive() { ResolveKind::Takeover } else { ResolveKind::Bankrupt };
        assert!(summaries.first().is_none_or(|first| first.kind == kind));
        // Every atom that was missing is somebody's.
        let borne: i64 = summaries
            .iter()
            .map(|s| s.insurance.total().unwrap().0 + s.deleveraged.0 + s.socialised.0 + s.unassigned.0)
            .sum();
        assert_eq!(model::big(borne), &model.cash - &equity);
        for (at, place) in world.places.iter().enumerate() {
            assert_nobody_is_overcharged(&before.markets[at], &place.moves);
        }
        // A call for every sixteen counterparties, and two for each leg.
        let closed: usize = world.places.iter().map(|place| place.moves.len().div_ceil(COUNTERPARTIES)).sum();
        assert!(world.calls <= closed + 2 * spec.venues.len(), "{} calls", world.calls);
        ends.push(bytes(&world));
    }
    assert!(ends[0] == ends[1], "the order of legs changed a byte");
}

/// Something that happens between two calls.
#[derive(Clone, Copy, Debug)]
enum Step {
    Resolve(usize),
    /// A leg's price moves to so many parts in 1,000 of what it was.
    Price(usize, i64),
    Pass(u64),
    Deposit(i64),
    Release(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (0usize..4).prop_map(Step::Resolve),
        3 => (0usize..4, 980i64..1_021).prop_map(|(at, parts)| Step::Price(at, parts)),
        1 => (0usize..4, 500i64..2_000).prop_map(|(at, parts)| Step::Price(at, parts)),
        2 => (1u64..400).prop_map(Step::Pass),
        1 => prop_oneof![Just(1i64), 1i64..5_000].prop_map(Step::Deposit),
        1 => (0usize..4).prop_map(Step::Release),
    ]
}

/// Whatever happens in between, each call conserves, leaves every market sound, charges nobody beyond its profit, and collects no more than
/// the account lacks and the leg has lost.
fn walk(spec: &Spec, rates: &[i64], steps: &[Step]) {
    let mut world = World::new(spec);
    for (place, rate) in world.places.iter_mut().zip(rates) {
        place.market.charges.funding_rate_scaled_per_slot = *rate;
        place.market.charges.sampled_slot = SLOT;
        place.market.params.sweep_cap_atoms = 5_000_000;
        place.market.net_swept_profit_atoms = 4_900_000;
    }
    for step in steps {
        match *step {
            Step::Resolve(at) if at < world.places.len() && world.places[at].position.is_some() => {
                let (before, moved) = (world.model_of(at), world.places[at].moves.len());
                let Ok(summary) = world.resolve(at) else { continue };
                assert_nobody_is_overcharged(&before, &world.places[at].moves[moved..]);
                let insured = summary.insurance.total().unwrap().0;
                let borne = insured + summary.deleveraged.0 + summary.socialised.0 + summary.unassigned.0;
                match summary.kind {
                    ResolveKind::Bankrupt => {
                        let own = model::small(&before.value(world.places[at].seat));
                        assert!((0..=-summary.equity_before.0).contains(&borne) && borne <= (-own).max(0));
                    }
                    ResolveKind::Takeover => assert!((-summary.equity_before.0..=0).contains(&borne)),
                }
            }
            Step::Price(at, parts) if at < world.places.len() => {
                let price = &mut world.places[at].price.price;
                *price = Price((price.0 * parts / 1_000).clamp(1, 1 << 33));
            }
            Step::Pass(slots) => world.slot += slots,
            Step::Deposit(atoms) => world.account.cash_atoms += atoms,
            Step::Release(at) if at < world.places.len() => {
                world.release(at);
            }
            _ => {}
        }
    }
    world.audit();
    // In the end it is bankrupt for sure: then all of it goes.
    let first = &mut world.places[0];
    if let (Some(_), seat) = (first.position, first.market.seats.get_mut(first.seat).unwrap()) {
        seat.realised_atoms -= 1 << 50;
        for place in &mut world.places {
            place.market.params.sweep_cap_atoms = 1 << 55;
        }
        world.resolve_all(9);
        assert_eq!(world.account.cash_atoms, 0);
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: std::env::var("PROPTEST_CASES").map_or(96, |cases| cases.parse().unwrap()),
        max_shrink_iters: 3_000,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_resolution_is_the_references_in_any_order(spec in spec()) {
        check(&spec);
    }

    /// A market whose winners have been paid ahead keeps back what the account has won there. That delays the release of its seats, no leg's
    /// closing; once there is room the end is the same.
    #[test]
    fn a_sweep_cap_delays_the_end_and_changes_nothing_of_it(spec in spec(), room in 0i64..2_000) {
        let start = World::new(&spec);
        let mut model = start.model();
        let equity = model.equity();
        prop_assume!(!equity.is_positive());
        model.resolve();
        let mut world = start;
        let caps = |world: &mut World, cap: &dyn Fn(i64) -> i64| {
            for place in &mut world.places {
                place.market.params.sweep_cap_atoms = cap(place.market.net_swept_profit_atoms);
            }
        };
        caps(&mut world, &|swept| swept + room);
        for _ in 0..64 {
            for at in 0..world.places.len() {
                match world.resolve(at) {
                    Ok(_) | Err(EngineError::NothingToResolve | EngineError::OpenLegsFirst | EngineError::ResolutionInProgress) => {}
                    Err(EngineError::SeatNotOwned) => assert!(world.places[at].position.is_none()),
                    Err(EngineError::AccountSolvent) => assert!(!world.is_open()),
                    Err(other) => panic!("{other:?}"),
                }
            }
        }
        assert!(!world.is_open());
        caps(&mut world, &|_| 1 << 55);
        world.resolve_all(spec.orders[0]);
        world.assert_is(&model);
    }

    #[test]
    fn prices_slots_and_deposits_between_the_calls(
        spec in spec(),
        rates in prop::collection::vec(prop_oneof![Just(0i64), -1i64 << 18..1 << 18], 4),
        steps in prop::collection::vec(step(), 1..60),
    ) {
        walk(&spec, &rates, &steps);
    }
}

/// A table of 1,900 winners with a lot each, behind one bankrupt account: 119 calls, the best first, and nobody is left out.
#[test]
fn a_table_full_of_tiny_counterparties() {
    let other = |index: i64| Other {
        base: 1,
        profit: (index * 7_919) % 1_900 * 10,
        realised: index % 13,
        swept: (index % 5) * 16,
        swept_age: 0,
        has_order: index % 500 == 0,
    };
    let venue = Venue {
        price: 80_000,
        base: -1_900,
        profit: -20_000,
        realised: 0,
        bond: 1_000,
        has_order: true,
        others: (0..1_900).map(other).collect(),
        funding_index: 12_345_678,
        loss_index: 1_234_567,
        pending: 1_000_000,
        contributed: 3_000_000,
        window_room: 2_500_000,
        taken_out: 1 << 40,
        takeover_health_bps: 2_000,
        balancing: 1,
    };
    let spec = Spec { venues: vec![venue], places: vec![3], fund: 900_000, fate: Fate::Bankrupt(900), orders: [1, 2] };
    check(&spec);
}

/// Two legs with 1,000,000 of bonds between them. When bonds did not count for the takeover point, health was below it at 1,500 parts in 1,000
/// of the point, too. The larger bond, back in cash, lifted it above, and the other leg stayed: which one, the order of the calls decided.
#[test]
fn bonds_that_come_back_do_not_make_the_order_of_legs_matter() {
    let venue = |base: i64, bond: u64| Venue {
        price: 100_000,
        base,
        profit: -700,
        realised: 0,
        bond,
        has_order: false,
        others: vec![],
        funding_index: 0,
        loss_index: 0,
        pending: 0,
        contributed: 0,
        window_room: 0,
        taken_out: 0,
        takeover_health_bps: 2_000,
        balancing: 3,
    };
    for (part, staying) in [(999, 0), (1_500, 2)] {
        for order in 0..4 {
            let spec = Spec {
                venues: vec![venue(1_000, 900_000), venue(-1_500, 100_000)],
                places: vec![5, 2],
                fund: 0,
                fate: Fate::Takeover(part),
                orders: [order, order + 4],
            };
            let world = World::new(&spec);
            let health = world.account.cash_atoms - 700 * 2_500;
            assert!(health * 50 < 75_000_000, "without bonds it is below the point");
            assert_eq!(world.model().staying().len(), staying);
            check(&spec);
        }
    }
}

/// The reference would be worth little if the random worlds never showed what it is about.
#[test]
fn random_worlds_show_everything() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let mut seen = [0u32; 9];
    for _ in 0..300 {
        let spec = spec().new_tree(&mut runner).unwrap().current();
        let mut world = World::new(&spec);
        let scarce = {
            let mut rich = world.clone();
            rich.fund = 1 << 40;
            let (mut poor, mut model) = (world.model(), rich.model());
            poor.resolve();
            model.resolve();
            poor.fund.is_zero() && poor.markets.iter().zip(&model.markets).any(|(a, b)| a.drawn != b.drawn)
        };
        if is_idle(&spec, &world.model()) || !world.model().staying().is_empty() {
            continue;
        }
        let summaries = world.resolve_all(7);
        let any = |of: &dyn Fn(&taper_engine::resolve::ResolveSummary) -> bool| u32::from(summaries.iter().any(of));
        let found = [
            any(&|s| s.insurance.from_market.is_positive()),
            any(&|s| s.insurance.from_fund.is_positive()),
            any(&|s| s.deleveraged.is_positive()),
            any(&|s| s.deleveraged.is_negative()),
            any(&|s| s.socialised.is_positive()),
            any(&|s| s.unassigned.is_positive()),
            any(&|s| s.bond_paid.is_positive()),
            any(&|s| !s.lots_left.is_zero()),
            u32::from(scarce),
        ];
        for (count, shown) in seen.iter_mut().zip(found) {
            *count += shown;
        }
    }

    assert!(seen.iter().all(|count| *count >= 10), "{seen:?}");
}
