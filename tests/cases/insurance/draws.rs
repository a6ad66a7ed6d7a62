//! What markets draw: as accounts tell it, and as the events do.

use anchor_lang::{AnchorDeserialize, Discriminator, Event};
use taper::error::TaperError;
use taper::events::{InsuranceDonated, LegResolved, LossCovered, MarketIncomeSwept, Sliced};
use taper_harness::{ExpectRefusal, Outcome};

use super::*;

/// A market draws its cap, then what has faded out of its window, whoever it is drawn for. The other market has a cap of its own.
#[tokio::test]
async fn caps_are_per_market_and_window() {
    let mut world = debts().await;
    for market in 0..2 {
        world.donate("donor", Some(market), 1_000 * TOKEN).await.unwrap();
    }
    assert_eq!(drawn_for(&mut world, 0, 0).await, (0, CAP));
    assert_eq!(drawn_for(&mut world, 0, 1).await, (0, 0));
    assert_eq!(drawn_for(&mut world, 1, 0).await, (0, CAP));
    world.pass(WINDOW / 4).unwrap();
    assert_eq!(drawn_for(&mut world, 0, 2).await, (0, CAP / 4));
    world.pass(WINDOW / 2).unwrap();
    assert_eq!(drawn_for(&mut world, 0, 3).await, (0, CAP / 2));
    // Longer than the window is no more than the cap.
    world.pass(5 * WINDOW).unwrap();
    assert_eq!(drawn_for(&mut world, 1, 1).await, (0, CAP));
    assert_eq!([0, 1].map(|market| market_state(&world, market).insurance.drawn_atoms), [CAP * 7 / 4, 2 * CAP]);
    let drawn = CAP * 15 / 4;
    assert_eq!(fund(&world), (2_000 * USD - drawn, 2_000 * USD, drawn));
}

/// Without a donation, a contribution or a grant a market draws nothing, however much the fund has; with a donation, that much and no more.
#[tokio::test]
async fn a_market_draws_what_was_paid_for_it() {
    let mut world = debts().await;
    world.donate("donor", None, 5_000 * TOKEN).await.unwrap();
    assert_eq!(drawn_for(&mut world, 0, 0).await, (0, 0));
    world.donate("donor", Some(0), 30 * TOKEN).await.unwrap();
    assert_eq!(drawn_for(&mut world, 0, 1).await, (0, 30 * USD));
    assert_eq!(drawn_for(&mut world, 0, 2).await, (0, 0));
    assert_eq!(drawn_for(&mut world, 1, 0).await, (0, 0));
    assert_eq!(fund(&world), (5_000 * USD, 5_030 * USD, 30 * USD));
    assert_eq!(market_state(&world, 0).entitlement().0, 0);
}

/// Two markets may each draw more than the fund has left: the second gets the rest.
#[tokio::test]
async fn a_fund_is_never_overdrawn() {
    let mut world = debts().await;
    let grant = |market: &mut Market| market.state.params.insurance_grant_atoms = 1_000 * USD;
    for market in 0..2 {
        let key = world.market(market).unwrap().keys.market;
        world.chain.forge(&key, grant).unwrap();
    }
    world.donate("donor", None, 150 * TOKEN).await.unwrap();
    assert_eq!(drawn_for(&mut world, 1, 0).await, (0, CAP));
    assert_eq!(drawn_for(&mut world, 0, 0).await, (0, 50 * USD));
    world.pass(WINDOW).unwrap();
    assert_eq!(drawn_for(&mut world, 0, 1).await, (0, 0));
    assert_eq!(fund(&world), (0, 150 * USD, 150 * USD));
}

/// What an outsider knows of insurance who reads nothing but events.
#[derive(Debug, Default, PartialEq, Eq)]
struct History {
    fund: i64,
    donated: i64,
    drawn_from_fund: i64,
    pending: [i64; 2],
    contributed: [i64; 2],
    drawn: [i64; 2],
}

impl History {
    fn as_accounts_tell(world: &World) -> Self {
        let (fund, donated, drawn_from_fund) = fund(world);
        let of = |read: fn(&MarketState) -> i64| [0, 1].map(|market| read(market_state(world, market)));
        Self {
            fund,
            donated,
            drawn_from_fund,
            pending: of(|state| state.insurance_pending_atoms),
            contributed: of(|state| state.insurance.contributed_atoms),
            drawn: of(|state| state.insurance.drawn_atoms),
        }
    }

    fn read(&mut self, world: &World, outcome: &Outcome) {
        let place = |key| world.markets().iter().position(|handle| handle.keys.market == key);
        for event in all::<InsuranceDonated>(outcome) {
            let amount = i64::try_from(event.amount_atoms).unwrap();
            self.fund += amount;
            self.donated += amount;
            if let Some(market) = place(event.market) {
                self.contributed[market] += amount;
            }
            assert_eq!(event.fund_after_atoms, self.fund);
        }
        for event in all::<Sliced>(outcome) {
            let market = place(event.market).unwrap();
            self.pending[market] += event.report.insurance_atoms;
            self.contributed[market] += event.report.insurance_atoms;
            assert_eq!(event.report.tip_atoms, 0);
        }
        for event in all::<LegResolved>(outcome) {
            let report = event.report;
            self.draw(
                place(event.market).unwrap(),
                report.insurance_from_market_atoms,
                report.insurance_from_fund_atoms,
            );
        }
        for event in all::<LossCovered>(outcome) {
            self.draw(place(event.market).unwrap(), event.from_market_atoms, event.from_fund_atoms);
        }
        for event in all::<MarketIncomeSwept>(outcome) {
            let market = place(event.market).unwrap();
            self.pending[market] += event.residue_atoms - event.insurance_atoms;
            self.contributed[market] += event.residue_atoms;
            self.fund += event.insurance_atoms;
        }
    }

    fn draw(&mut self, market: usize, from_market: i64, from_fund: i64) {
        self.pending[market] -= from_market;
        self.fund -= from_fund;
        self.drawn_from_fund += from_fund;
        self.drawn[market] += from_market + from_fund;
    }
}

fn all<E: Event + Discriminator + AnchorDeserialize>(outcome: &Outcome) -> Vec<E> {
    outcome.events()
}

/// Donations, penalties, draws for two markets from income and fund, a loss that is covered later: after each the events alone give what the
/// accounts say.
#[tokio::test]
async fn the_history_is_in_the_events() {
    let mut world = debts().await;
    if !world.chain.is_vm() {
        // The native processor loses events.
        return;
    }
    let mut history = History::default();
    let mut calls = 0;
    let mut check = |world: &World, outcome: &Outcome| {
        history.read(world, outcome);
        assert_eq!(history, History::as_accounts_tell(world), "after call {calls}");
        calls += 1;
    };
    for (market, amount) in [(None, 20), (Some(1), 40)] {
        let outcome = world.donate("donor", market, amount * TOKEN).await.unwrap();
        check(&world, &outcome);
    }
    // A long who is in trouble at the next price pays a penalty.
    world.add_trader("ill", 1_000 * TOKEN, 700 * TOKEN).await.unwrap();
    trade(&mut world, "ill", Side::Bid, "rich", 0, LOW, 8_000).await;
    world.pass(1).unwrap();
    world.set_price(0, 1_245_000).unwrap();
    world.place("rich", 0, taper_harness::order(Side::Bid, 1_244_900, 9_000)).await.unwrap();
    let (report, outcome) = world.liquidate("rich", "ill", 0).await.unwrap();
    assert!(report.insurance_atoms > 0, "{report:?}");
    check(&world, &outcome);
    // Swept, so that the next draws are from the fund; later ones from income again.
    for (market, index) in [(1, 0), (0, 0), (1, 1)] {
        let outcome = world.resolve(&debtor(market, index), market).await.unwrap().outcome;
        check(&world, &outcome);
        world.pass(WINDOW / 3).unwrap();
    }
    let outcome = world.sweep_income(0).await.unwrap();
    check(&world, &outcome);
    // Market 1: the short passes its position on, so that nobody has won what the last debtors lost.
    world.add_trader("late", 60_000 * TOKEN, 50_000 * TOKEN).await.unwrap();
    let lots = -world.base("rich", 1).unwrap();
    trade(&mut world, "rich", Side::Bid, "late", 1, LOW, lots).await;
    for index in [2, 3] {
        let outcome = world.resolve(&debtor(1, index), 1).await.unwrap().outcome;
        check(&world, &outcome);
    }
    assert!(market_state(&world, 1).unassigned_loss_atoms > 0);
    world.cover_loss(1).await.expect_error(TaperError::NothingToCover);
    let outcome = world.donate("donor", Some(1), 250 * TOKEN).await.unwrap();
    check(&world, &outcome);
    for _ in 0..2 {
        world.pass(WINDOW).unwrap();
        let outcome = world.cover_loss(1).await.unwrap();
        check(&world, &outcome);
    }
    let told = History::as_accounts_tell(&world);
    assert!(
        told.drawn[0] > 0 && told.drawn[1] > CAP && told.drawn_from_fund < told.drawn[0] + told.drawn[1],
        "{told:?}"
    );
}
