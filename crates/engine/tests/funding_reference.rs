//! Funding and shared losses against a reference in rationals, which goes slot by slot and lot by lot and rounds nothing before a seat pays.

#[path = "funding_reference/world.rs"]
mod world;

use num_traits::Zero;
use proptest::prelude::*;
use taper_engine::charges::CHARGE_SCALE;
use taper_engine::matching::SelfTrade;
use taper_engine::orders::{OrderKind, OrderRequest};
use taper_engine::quantity::{BaseLots, Price, Side};
use taper_engine::EngineError;
use world::{action, ratio, Action, World, PRICE, SEATS, TICK};

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, max_shrink_iters: 2_000, ..ProptestConfig::default() })]

    /// Whatever happens, in whatever order: the pool is exact, each seat pays its own rounded up, and each sample is the reference's.
    #[test]
    fn the_pool_is_exact_after_any_sequence(actions in prop::collection::vec(action(), 1..90)) {
        let mut world = World::new();
        for action in &actions {
            world.run(action);
        }
        // Everybody pays: what is left is the residue, less than an atom a settlement and a shared loss.
        for who in 0..SEATS {
            world.run(&Action::Touch { who });
        }
        prop_assert_eq!(ratio(world.market.charges.clearing_atoms, 1), world.residue.clone());
        let shared = actions.iter().filter(|action| matches!(action, Action::Socialise { .. })).count();
        prop_assert!(world.residue <= ratio(i64::from(world.settlements) + i64::try_from(shared).unwrap(), 1));
    }

    /// One of two equal worlds has a seat touched at every step. It is never the richer for it, and loses less than an atom a touch.
    #[test]
    fn no_seat_gains_by_touching_itself(actions in prop::collection::vec(action(), 1..90), who in 0..SEATS) {
        let (mut world, mut eager) = (World::new(), World::new());
        let mut touches = 0;
        for action in &actions {
            for world in [&mut world, &mut eager] {
                world.run(action);
            }
            eager.run(&Action::Touch { who });
            touches += 1;
        }
        prop_assert_eq!(world.seats[who].base, eager.seats[who].base);
        prop_assert!(eager.worth(who) <= world.worth(who));
        prop_assert!(eager.worth(who) > world.worth(who) - touches - 1);
    }

    /// Somebody rests orders for one sample of three and takes them away again. The rate is never further from zero than the premiums of
    /// the samples beside it, which it did not touch, allow. Placed in the very slot of the sample the orders change nothing at all.
    #[test]
    fn a_book_shown_for_one_sample_moves_nothing(
        actions in prop::collection::vec(action(), 20..60),
        shown in prop::collection::vec((prop_oneof![Just(Side::Bid), Just(Side::Ask)], 0i64..15, 1i64..200), 1..6),
        emas in prop::array::uniform3(-900i64..900),
        same_slot in any::<bool>(),
    ) {
        let mut world = World::new();
        for action in &actions {
            world.run(action);
        }
        let attacker = SEATS - 1;
        world.run(&Action::CancelAll { who: attacker });
        world.pass(50);
        let mut honest = world.clone();
        let look = |world: &mut World, ema: i64| {
            world.run(&Action::Price { ticks: 0, ema_atoms: ema });
            world.pass(10);
            let sampled = world.sample().unwrap();
            (sampled.premium_atoms_per_lot, sampled.rate_scaled_per_slot)
        };
        let honestly = emas.map(|ema| look(&mut honest, ema));
        let first = look(&mut world, emas[0]);
        prop_assert_eq!(first, honestly[0]);
        world.run(&Action::Price { ticks: 0, ema_atoms: emas[1] });
        world.pass(if same_slot { 10 } else { 9 });
        for (side, ticks, lots) in shown {
            let request = OrderRequest {
                side,
                kind: OrderKind::PostOnly,
                price: Price(PRICE - side.sign() * ticks * TICK),
                lots: BaseLots(lots),
                reduce_only: false,
                client_order_id: 0,
                expires_at_slot: 0,
                self_trade: SelfTrade::CancelResting,
            };
            if let Err(error) = world.place(attacker, request) {
                prop_assert_eq!(error, EngineError::PostOnlyWouldCross);
            }
        }
        world.pass(if same_slot { 0 } else { 1 });
        let second = world.sample().unwrap();
        world.run(&Action::CancelAll { who: attacker });
        let third = look(&mut world, emas[2]);
        let period = i64::from(world.market.params.funding_period_slots);
        let within = |rate: i64, premium: i64| {
            let bound = premium * CHARGE_SCALE / period;
            rate == 0 || (rate.signum() == premium.signum() && rate.abs() <= bound.abs())
        };
        prop_assert!(within(second.rate_scaled_per_slot, first.0));
        prop_assert_eq!(third.0, honestly[2].0);
        prop_assert!(within(third.1, third.0));
        if same_slot {
            prop_assert_eq!((second.premium_atoms_per_lot, second.rate_scaled_per_slot), honestly[1]);
            prop_assert_eq!(third, honestly[2]);
        }
    }
}

/// The reference would be worth little if the random books never showed a premium.
#[test]
fn random_books_do_show_premiums() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let (mut measured, mut rated, mut paid) = (0, 0, 0);
    for _ in 0..60 {
        let actions = prop::collection::vec(action(), 60..90).new_tree(&mut runner).unwrap().current();
        let mut world = World::new();
        for action in &actions {
            let before = world.last;
            world.run(action);
            if matches!(action, Action::Sample) && world.last != before {
                measured += i32::from(world.last.is_some_and(|(_, premium)| premium != 0));
                rated += i32::from(!world.rate.is_zero());
            }
        }
        paid += i32::from(world.market.charges.funding_index_scaled != 0);
    }
    assert!(measured > 60 && rated > 20 && paid > 10, "{measured} premiums, {rated} rates, {paid} worlds with funding");
}
