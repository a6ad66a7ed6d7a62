//! `partial_liquidate`: who is paid what, and every reason to refuse.

use taper::error::TaperError;
use taper::events::{BookChanged, SliceReport, Sliced};
use taper::instructions::LiquidateArgs;
use taper_engine::quantity::Side;
use taper_harness::{order, ExpectRefusal, MarketSpec, PriceSource, Quotes, World};
use taper_sdk::instruction::Payout;

use crate::support::*;

async fn refused_with(world: &mut World, change: impl FnOnce(&mut LiquidateArgs), error: TaperError) {
    let mut args = world.liquidate_args("alice", 0).unwrap();
    change(&mut args);
    let payout = world.payout_as_credit("carol");
    world.liquidate_with("carol", "alice", 0, &payout, args).await.expect_error(error);
}

#[tokio::test]
async fn credit_goes_to_the_callers_margin_account() {
    let mut world = soft_alice().await;
    let (caller_before, cash_before) = (world.cash("carol").unwrap(), world.cash("alice").unwrap());
    let (report, outcome) = world.liquidate("carol", "alice", 0).await.unwrap();
    assert_eq!((report.stage, report.side), (0, 1));
    assert!(report.caller_payout_atoms > 0);
    assert_eq!(report.caller_payout_atoms, report.penalty_atoms * 6 / 10);
    assert_eq!(report.penalty_atoms, report.caller_payout_atoms + report.insurance_atoms);
    assert_eq!(world.cash("carol").unwrap() - caller_before, report.caller_payout_atoms);
    assert_eq!(world.market_account(0).unwrap().state.insurance_pending_atoms, report.insurance_atoms);
    assert_eq!(world.base("alice", 0).unwrap(), 10_000 - report.base_lots);
    assert!(report.health_before_bps < 10_000 && report.health_after_bps >= 12_500 && report.episode_ended);
    // Cash pays the penalty and takes the realised loss of the lots sold.
    assert!(world.cash("alice").unwrap() < cash_before - report.penalty_atoms);
    if world.chain.is_vm() {
        let sliced = outcome.events::<Sliced>();
        assert_eq!(sliced.len(), 1);
        assert_eq!(sliced[0].report, report);
        assert!(sliced[0].credited);
        assert_eq!(sliced[0].payout_to, world.trader("carol").margin);
        assert_eq!(sliced[0].cash_after_atoms, world.cash("alice").unwrap());
        let changed = outcome.events::<BookChanged>();
        assert_eq!(changed[0].fills.iter().map(|fill| fill.base_lots).sum::<i64>(), report.base_lots);
    }
}

#[tokio::test]
async fn tokens_go_to_the_callers_token_account() {
    let mut world = soft_alice().await;
    let token_account = world.trader("carol").token_account;
    let (tokens, vault) = (world.chain.tokens(&token_account), world.chain.tokens(&world.venue.keys.vault));
    let args = world.liquidate_args("alice", 0).unwrap();
    let payout = world.payout_in_tokens("carol");
    let (report, _) = world.liquidate_with("carol", "alice", 0, &payout, args).await.unwrap();
    let paid = u64::try_from(report.caller_payout_atoms).unwrap();
    assert!(paid > 0);
    assert_eq!(world.chain.tokens(&token_account), tokens + paid);
    assert_eq!(world.chain.tokens(&world.venue.keys.vault), vault - paid);
}

#[tokio::test]
async fn a_stranger_without_any_account_of_taper_can_call() {
    let mut world = soft_alice().await;
    let stranger = taper_harness::Trader::prepare(&world.venue, "stranger");
    world.chain.fund(&stranger.key(), 1_000_000_000);
    let tokens = taper_harness::token_account_bytes(&world.venue.keys.quote_mint, &stranger.key(), 0);
    world.chain.set_account(&stranger.token_account, tokens);
    let args = world.liquidate_args("alice", 0).unwrap();
    let payout = world.payout_in_tokens("stranger");
    let (report, _) = world.liquidate_with("stranger", "alice", 0, &payout, args).await.unwrap();
    assert_eq!(i128::from(world.chain.tokens(&stranger.token_account)), i128::from(report.caller_payout_atoms));
}

#[tokio::test]
async fn a_simulated_call_is_a_quote() {
    let mut world = soft_alice().await;
    if !world.chain.is_vm() {
        return; // The native processor keeps no return data.
    }
    let args = world.liquidate_args("alice", 0).unwrap();
    let payout = world.payout_as_credit("carol");
    let call = world.liquidate_instruction("carol", "alice", 0, &payout, args).unwrap();
    let caller = world.trader("carol").keypair;
    let quote: SliceReport = world.chain.simulate(&[call], &[&caller]).await.unwrap().returned().unwrap();
    assert_eq!(world.base("alice", 0).unwrap(), 10_000);
    let (done, _) = world.liquidate("carol", "alice", 0).await.unwrap();
    assert_eq!(done, quote);
}

#[tokio::test]
async fn a_healthy_account_is_left_alone() {
    let mut world = long_alice().await;
    refused_with(&mut world, |_| (), TaperError::AccountHealthy).await;
    // One atom above the edge at which the interval's favourable end gives a health of 1, and one below.
    let (mut low, mut high) = (SOFT, LISTED);
    while high - low > 1 {
        let middle = (low + high) / 2;
        world.set_price(0, middle).unwrap();
        if world.health("alice").unwrap().favourable.is_below(10_000) {
            low = middle;
        } else {
            high = middle;
        }
    }
    move_price(&mut world, 0, high).await;
    refused_with(&mut world, |_| (), TaperError::AccountHealthy).await;
    move_price(&mut world, 0, low).await;
    world.liquidate("carol", "alice", 0).await.unwrap();
}

#[tokio::test]
async fn the_callers_own_protections() {
    let mut world = soft_alice().await;
    let slot = world.chain.slot();
    refused_with(&mut world, |args| args.deadline_slot = slot - 1, TaperError::DeadlinePassed).await;
    refused_with(&mut world, |args| args.expected_base_lots = 9_999, TaperError::UnexpectedBase).await;
    refused_with(&mut world, |args| args.expected_base_lots = -10_000, TaperError::UnexpectedBase).await;
    refused_with(&mut world, |args| args.max_base_lots = 0, TaperError::CallerMaximumZero).await;
    refused_with(&mut world, |args| args.max_base_lots = -1, TaperError::CallerMaximumZero).await;
    refused_with(&mut world, |args| args.max_base_lots = i64::MIN, TaperError::CallerMaximumZero).await;
    refused_with(&mut world, |args| args.min_payout_atoms = i64::MAX, TaperError::PayoutTooLow).await;
    let args = world.liquidate_args("alice", 0).unwrap();
    let plan = world.plan("alice", 0, &args).unwrap().unwrap();
    let payout = plan.caller_payout_atoms;
    refused_with(&mut world, |args| args.min_payout_atoms = payout + 1, TaperError::PayoutTooLow).await;
    // A quarter of the plan, rounded up, is enough; a lot less is not.
    let quarter = (plan.planned_base_lots + 3) / 4;
    refused_with(&mut world, |args| args.max_base_lots = quarter - 1, TaperError::CallerMaximumTooSmall).await;
    let args = LiquidateArgs { max_base_lots: quarter, deadline_slot: slot, min_payout_atoms: 1, ..args };
    let credit = world.payout_as_credit("carol");
    let (report, _) = world.liquidate_with("carol", "alice", 0, &credit, args).await.unwrap();
    assert_eq!(report.base_lots, quarter);
}

/// Past the budget of the episode there are no penalties. The caller is tipped out of the market's insurance income, within its share of
/// what the account's own penalties have paid in.
#[tokio::test]
async fn a_tip_takes_the_place_of_penalties_that_the_budget_forbids() {
    let mut world = World::new().await.unwrap();
    let mut spec = MarketSpec::sol("SOL-tip", PriceSource::Push).unwrap();
    spec.params.episode_cost_budget_bps = 100;
    let market = world.add_market(&spec).await.unwrap();
    world.quote("maker", market, World::QUOTES).await.unwrap();
    world.take("alice", market, Side::Bid, 10_000).await.unwrap();
    world.pass(10).unwrap();
    move_price(&mut world, market, SOFT).await;
    let before = world.cash("carol").unwrap();
    let (report, _) = world.liquidate("carol", "alice", market).await.unwrap();
    assert!(report.penalty_atoms > 0 && report.tip_atoms > 0);
    assert_eq!(report.tip_atoms, report.insurance_atoms * 15 / 100);
    assert_eq!(report.penalty_atoms, report.caller_payout_atoms - report.tip_atoms + report.insurance_atoms);
    assert_eq!(world.cash("carol").unwrap() - before, report.caller_payout_atoms);
    let state = &world.market_account(market).unwrap().state;
    assert_eq!(state.insurance_pending_atoms, report.insurance_atoms - report.tip_atoms);
    let account = state.insurance;
    assert_eq!((account.contributed_atoms, account.tips_atoms), (report.insurance_atoms, report.tip_atoms));
    assert_eq!(world.account("alice").unwrap().state.episode.tip_credit_atoms, 0);
}

#[tokio::test]
async fn the_cooldown_is_charged_by_what_was_closed() {
    let mut world = soft_alice().await;
    let args = world.liquidate_args("alice", 0).unwrap();
    let plan = world.plan("alice", 0, &args).unwrap().unwrap();
    let args = LiquidateArgs { max_base_lots: (plan.planned_base_lots + 3) / 4, ..args };
    let credit = world.payout_as_credit("carol");
    let (first, _) = world.liquidate_with("carol", "alice", 0, &credit, args).await.unwrap();
    let waits = first.cooldown_until_slot - world.chain.slot();
    // A quarter of a cooldown between 2 and 5 slots, rounded up.
    assert!((1..=2).contains(&waits), "{waits}");
    refused_with(&mut world, |_| (), TaperError::CooldownNotOver).await;
    world.pass(waits - 1).unwrap();
    refused_with(&mut world, |_| (), TaperError::CooldownNotOver).await;
    world.pass(1).unwrap();
    world.liquidate("carol", "alice", 0).await.unwrap();
}

#[tokio::test]
async fn no_slice_in_the_slot_in_which_the_owner_added_risk() {
    let mut world = World::new().await.unwrap();
    world.take("alice", 0, Side::Bid, 10_000).await.unwrap();
    move_price(&mut world, 0, SOFT).await;
    refused_with(&mut world, |_| (), TaperError::RiskAddedThisSlot).await;
    world.pass(1).unwrap();
    world.liquidate("carol", "alice", 0).await.unwrap();
}

#[tokio::test]
async fn the_book_bounds_the_slice() {
    let mut world = soft_alice().await;
    world.cancel_all("maker", 0).await.unwrap();
    refused_with(&mut world, |_| (), TaperError::NoFillInsideCap).await;
    // Bids below the cost cap: 0.15 of a maintenance rate of 3%, 6,453 atoms a lot.
    let far = order(Side::Bid, SOFT - 6_500, 20_000);
    world.place("maker", 0, far).await.unwrap();
    refused_with(&mut world, |_| (), TaperError::NoFillInsideCap).await;
    // A crumb inside it, under the smallest slice.
    let smallest = world.market(0).unwrap().params.min_slice_base_lots;
    world.place("maker", 0, order(Side::Bid, SOFT - 400, smallest - 1)).await.unwrap();
    refused_with(&mut world, |_| (), TaperError::SliceTooSmall).await;
    world.place("maker", 0, order(Side::Bid, SOFT - 400, 1)).await.unwrap();
    let (report, _) = world.liquidate("carol", "alice", 0).await.unwrap();
    assert_eq!((report.base_lots, report.fills), (smallest, 2));
}

#[tokio::test]
async fn bankrupt_accounts_are_not_for_slices() {
    let mut world = long_alice().await;
    move_price(&mut world, 0, BANKRUPT).await;
    assert!(world.health("alice").unwrap().maintenance.equity.is_negative());
    refused_with(&mut world, |_| (), TaperError::AccountBankrupt).await;
}

#[tokio::test]
async fn accounts_without_a_position() {
    let mut world = soft_alice().await;
    let payout = world.payout_as_credit("carol");
    let args = world.liquidate_args("alice", 0).unwrap();
    world.liquidate_with("carol", "bob", 0, &payout, args).await.expect_error(TaperError::PositionNotFound);
    // A seat with an order and no position.
    world.place("bob", 0, order(Side::Bid, SOFT - 10_000, 100)).await.unwrap();
    world.pass(1).unwrap();
    let flat = LiquidateArgs { expected_base_lots: 0, ..args };
    world.liquidate_with("carol", "bob", 0, &payout, flat).await.expect_error(TaperError::NoPosition);
}

#[tokio::test]
async fn exactly_one_destination_of_the_payout() {
    let mut world = soft_alice().await;
    let args = world.liquidate_args("alice", 0).unwrap();
    let carol = world.trader("carol");
    let (credit, tokens) = (world.payout_as_credit("carol"), world.payout_in_tokens("carol"));
    let with_credit = world.liquidate_instruction("carol", "alice", 0, &credit, args).unwrap();
    let with_tokens = world.liquidate_instruction("carol", "alice", 0, &tokens, args).unwrap();
    // Accounts 6 to 10: credit, token account, vault, mint, token program; the program's own address stands for none.
    let absent = solana_instruction::AccountMeta::new_readonly(taper::ID, false);
    let mut both = with_tokens.clone();
    both.accounts[6] = with_credit.accounts[6].clone();
    let mut neither = with_credit.clone();
    neither.accounts[6] = absent.clone();
    world.chain.send(&[both], &[&carol.keypair]).await.expect_error(TaperError::PayoutDestination);
    world.chain.send(&[neither], &[&carol.keypair]).await.expect_error(TaperError::PayoutDestination);
    for missing in 8..=10 {
        let mut incomplete = with_tokens.clone();
        incomplete.accounts[missing] = absent.clone();
        world.chain.send(&[incomplete], &[&carol.keypair]).await.expect_error(TaperError::PayoutDestination);
    }
    let itself = Payout::Credit { margin_account: world.trader("alice").margin };
    let refused = world.liquidate_with("carol", "alice", 0, &itself, args).await;
    refused.expect_error(TaperError::DuplicateAccount);
}

#[tokio::test]
async fn own_orders_are_cancelled_first() {
    let mut world = long_alice().await;
    let resting = order(Side::Ask, LISTED + 100_000, 5_000);
    world.place("alice", 0, resting).await.unwrap();
    world.pass(1).unwrap();
    move_price(&mut world, 0, SOFT).await;
    let (report, _) = world.liquidate("carol", "alice", 0).await.unwrap();
    assert_eq!(report.cancelled_orders, 1);
    let seat = world.seat("alice", 0).unwrap().unwrap();
    assert_eq!((seat.ask_lots, seat.ask_count), (0, 0));
}

#[tokio::test]
async fn the_throttle_lets_one_account_have_its_share() {
    let mut world = World::empty().await.unwrap();
    world.add_trader("maker", 60_000_000 * TOKEN, 50_000_000 * TOKEN).await.unwrap();
    world.add_trader("carol", TOKEN, TOKEN).await.unwrap();
    for name in ["alice", "bob"] {
        world.add_trader(name, 50_000 * TOKEN, 1_000 * TOKEN).await.unwrap();
    }
    let mut spec = taper_harness::MarketSpec::sol("SOL-0", taper_harness::PriceSource::Push).unwrap();
    // A bucket of 4,000 lots; one account uses 1,000, or its share of the open interest.
    spec.params.throttle_capacity_base_lots = 4_000;
    spec.params.open_interest_cap_base_lots = 40_000;
    spec.params.min_slice_base_lots = 10;
    world.add_market(&spec).await.unwrap();
    world.quote("maker", 0, Quotes { levels: 4, ..World::QUOTES }).await.unwrap();
    world.take("alice", 0, Side::Bid, 10_000).await.unwrap();
    world.take("bob", 0, Side::Bid, 10_000).await.unwrap();
    world.pass(10).unwrap();
    world.set_price(0, SOFT).unwrap();
    world.quote("maker", 0, Quotes { levels: 4, ..World::QUOTES }).await.unwrap();
    // Half of the longs are hers: half of the bucket.
    let (first, _) = world.liquidate("carol", "alice", 0).await.unwrap();
    assert_eq!(first.base_lots, 2_000);
    world.pass(first.cooldown_until_slot - world.chain.slot()).unwrap();
    let refilled = i64::try_from(first.cooldown_until_slot - world.chain.slot()).unwrap_or(0);
    assert_eq!(refilled, 0);
    let args = world.liquidate_args("alice", 0).unwrap();
    let payout = world.payout_as_credit("carol");
    let again = world.liquidate_with("carol", "alice", 0, &payout, args).await;
    match again {
        // A few slots refill a few lots of the share; her share of the open interest has fallen meanwhile.
        Ok((second, _)) => assert!(second.base_lots < 200, "{}", second.base_lots),
        refused => refused.map(|_| ()).expect_error(TaperError::ThrottleEmpty),
    }
    let (bobs, _) = world.liquidate("carol", "bob", 0).await.unwrap();
    assert!(bobs.base_lots <= 2_400, "{}", bobs.base_lots);
}
