//! `initialize_exchange`, `create_market`, `set_status`, `sweep_market_income`.

use solana_account::Account;
use solana_pubkey::Pubkey;
use solana_signer::Signer;
use taper::constants::{PAUSE_HOLD_SLOTS, TIMELOCK_MAX_SLOTS};
use taper::error::TaperError;
use taper::events::{ExchangeInitialized, MarketCreated, MarketIncomeSwept, StatusSet};
use taper::instructions::PlaceOrderArgs;
use taper::state::{Market, OrderBook};
use taper_engine::quantity::Side;
use taper_harness::{
    keypair, mint_bytes, order, Chain, ExpectRefusal, MarketHandle, MarketSpec, OracleFeed, Outcome, PriceSource,
    Result, Venue, World, TOKEN_PROGRAM,
};
use taper_sdk::instruction;

use crate::support::*;

/// Anchor: the address does not follow from the seeds; the account is not all zeroes; the account did not sign.
const SEEDS: u32 = 2_006;
const NOT_ZERO: u32 = 2_013;
const NOT_SIGNER: u32 = 3_010;
const TOKEN_2022: Pubkey = Pubkey::from_str_const("TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb");

/// A mint of the token-2022 program with one extension: 82 bytes of mint, zeroes to 165, the kind of account, then the
/// extension.
fn mint_with_extension(kind: u16, body: &[u8]) -> Account {
    let mut account = mint_bytes(6);
    account.owner = TOKEN_2022;
    account.data.resize(165, 0);
    account.data.push(1);
    account.data.extend_from_slice(&kind.to_le_bytes());
    account.data.extend_from_slice(&u16::try_from(body.len()).unwrap().to_le_bytes());
    account.data.extend_from_slice(body);
    account
}

async fn initialize(chain: &mut Chain, label: &str, mint: Account) -> Result<Outcome> {
    let mint_key = keypair(&format!("{label} mint")).pubkey();
    let program = mint.owner;
    chain.set_account(&mint_key, mint);
    let venue = Venue::prepare(label, mint_key);
    chain.fund(&venue.admin.pubkey(), 100_000_000_000);
    let (admin, guardian) = (venue.admin.pubkey(), venue.guardian.pubkey());
    let create = instruction::initialize_exchange(admin, 0, guardian, 0, mint_key, program);
    chain.send(&[create], &[&venue.admin]).await
}

#[tokio::test]
async fn an_exchange_is_created_once() {
    let mut chain = Chain::start().await.unwrap();
    let outcome = initialize(&mut chain, "first", mint_bytes(9)).await.unwrap();
    let venue = Venue::prepare("first", keypair("first mint").pubkey());
    let exchange: &taper::state::Exchange = chain.load(&venue.keys.exchange).unwrap();
    assert_eq!((exchange.admin, exchange.guardian), (venue.admin.pubkey(), venue.guardian.pubkey()));
    assert_eq!((exchange.vault, exchange.quote_mint), (venue.keys.vault, venue.keys.quote_mint));
    assert_eq!((exchange.quote_decimals, exchange.status, exchange.fees_atoms), (9, 0, 0));
    if chain.is_vm() {
        assert_eq!(outcome.event::<ExchangeInitialized>().unwrap().vault, venue.keys.vault);
    }
    initialize(&mut chain, "first", mint_bytes(9)).await.expect_error(TaperError::AccountExists);
    // A mint of one token program, named with the other.
    let (admin, guardian) = (venue.admin.pubkey(), venue.guardian.pubkey());
    let other = instruction::initialize_exchange(admin, 1, guardian, 0, venue.keys.quote_mint, TOKEN_2022);
    chain.send(&[other], &[&venue.admin]).await.expect_error(TaperError::WrongTokenProgram);
    initialize(&mut chain, "decimals", mint_bytes(10)).await.expect_error(TaperError::InvalidArgument);
    let mut crossed = instruction::initialize_exchange(
        venue.admin.pubkey(),
        1,
        venue.guardian.pubkey(),
        0,
        venue.keys.quote_mint,
        TOKEN_PROGRAM,
    );
    crossed.accounts[1].pubkey = taper_sdk::address::exchange(&venue.admin.pubkey(), 2);
    chain.send(&[crossed], &[&venue.admin]).await.expect_code(SEEDS);
    let nobody = Pubkey::default();
    let governed = |guardian, timelock_slots| {
        let mint = venue.keys.quote_mint;
        instruction::initialize_exchange(venue.admin.pubkey(), 1, guardian, timelock_slots, mint, TOKEN_PROGRAM)
    };
    chain.send(&[governed(nobody, 0)], &[&venue.admin]).await.expect_error(TaperError::InvalidArgument);
    let one_key = governed(venue.admin.pubkey(), 0);
    chain.send(&[one_key], &[&venue.admin]).await.expect_error(TaperError::RolesNotDistinct);
    let too_long = governed(venue.guardian.pubkey(), TIMELOCK_MAX_SLOTS + 1);
    chain.send(&[too_long], &[&venue.admin]).await.expect_error(TaperError::TimelockOutOfRange);
    chain.send(&[governed(venue.guardian.pubkey(), TIMELOCK_MAX_SLOTS)], &[&venue.admin]).await.unwrap();
}

#[tokio::test]
async fn mints_that_could_cheat_the_vault_are_refused() {
    let mut chain = Chain::start().await.unwrap();
    // Extension kinds and bodies of token-2022; accounts of the frozen one start in state 2.
    let refused = [
        ("fee", 1, vec![0; 108], TaperError::MintHasTransferFee),
        ("close", 3, vec![0; 32], TaperError::MintExtensionNotSupported),
        ("confidential", 4, vec![0; 65], TaperError::MintHasConfidentialTransfers),
        ("frozen", 6, vec![2], TaperError::MintDefaultFrozen),
        ("sticky", 9, vec![0; 0], TaperError::MintNonTransferable),
        ("interest", 10, vec![0; 52], TaperError::MintExtensionNotSupported),
        ("delegate", 12, vec![0; 32], TaperError::MintHasPermanentDelegate),
        ("hook", 14, vec![0; 64], TaperError::MintHasTransferHook),
        ("pausable", 26, vec![0; 33], TaperError::MintPausable),
    ];
    for (label, kind, body, error) in refused {
        let mint = mint_with_extension(kind, &body);
        let sent = initialize(&mut chain, label, mint).await;
        match sent {
            Ok(_) => panic!("a mint with extension {label} was accepted"),
            Err(refused) => Err::<(), _>(refused).expect_error(error),
        }
    }
    let mut plain = mint_bytes(6);
    plain.owner = TOKEN_2022;
    initialize(&mut chain, "plain", plain).await.unwrap();
}

async fn create(world: &mut World, spec: &MarketSpec, oracle_price: i64) -> Result<Outcome> {
    let feed = OracleFeed::new(&spec.name, spec.source, spec.params.base_lot_exponent);
    let calm = feed.calm(&world.chain, oracle_price)?;
    feed.post(&mut world.chain, &calm);
    let (_, instructions) = MarketHandle::creation(&world.chain, &world.venue, spec, &feed);
    let keys = [keypair(&format!("{} market", spec.name)), keypair(&format!("{} book", spec.name))];
    world.chain.send(&instructions, &[&world.venue.admin, &keys[0], &keys[1]]).await
}

#[tokio::test]
async fn a_market_is_created_from_zeroes() {
    let mut world = World::empty().await.unwrap();
    let spec = MarketSpec::sol("SOL", PriceSource::Pull).unwrap();
    let outcome = create(&mut world, &spec, LISTED).await.unwrap();
    let key = keypair("SOL market").pubkey();
    let market: &Market = world.chain.load(&key).unwrap();
    assert_eq!((market.oracle_kind, market.status, market.state.last_price.price_atoms_per_lot), (1, 0, LISTED));
    assert_eq!(market.state.params, spec.params);
    assert_eq!(&market.name[..4], b"SOL\0");
    if world.chain.is_vm() {
        assert_eq!(outcome.event::<MarketCreated>().unwrap().price_atoms_per_lot, LISTED);
    }
    // Again, on the accounts that exist now: they are not zeroes.
    let feed = OracleFeed::new("SOL", PriceSource::Pull, -2);
    let (_, instructions) = MarketHandle::creation(&world.chain, &world.venue, &spec, &feed);
    world.chain.send(&instructions[2..], &[&world.venue.admin]).await.expect_code(NOT_ZERO);
}

#[tokio::test]
async fn listings_that_are_refused() {
    let mut world = World::empty().await.unwrap();
    let good = MarketSpec::sol("SOL", PriceSource::Push).unwrap();
    let mut unsafe_market = good.clone();
    unsafe_market.params.throttle_refill_slots = 100_000;
    create(&mut world, &unsafe_market, LISTED).await.expect_error(TaperError::InvalidParameters);
    let mut reserved = good.clone();
    reserved.params.reserved[3] = 1;
    create(&mut world, &reserved, LISTED).await.expect_error(TaperError::InvalidParameters);
    create(&mut world, &good, 99_999).await.expect_error(TaperError::ListingPriceTooSmall);

    // Not the admin; an unknown kind of oracle; another feed; too small an account.
    let feed = OracleFeed::new("SOL", PriceSource::Push, -2);
    let calm = feed.calm(&world.chain, LISTED).unwrap();
    feed.post(&mut world.chain, &calm);
    let (keys, instructions) = MarketHandle::creation(&world.chain, &world.venue, &good, &feed);
    let (market, book) = (keypair("SOL market"), keypair("SOL book"));
    let guardian = world.venue.guardian.clone();
    let listing =
        instruction::Listing { params: good.params, oracle_kind: 0, oracle_key: feed.identity, name: [0; 16] };
    let admin = world.venue.admin.clone();
    let by_guardian = instruction::create_market(guardian.pubkey(), &keys, &listing);
    let unknown = instruction::Listing { oracle_kind: 2, ..listing };
    let unknown = instruction::create_market(admin.pubkey(), &keys, &unknown);
    let other_kind = instruction::Listing { oracle_kind: 1, ..listing };
    let other_kind = instruction::create_market(admin.pubkey(), &keys, &other_kind);
    let other_feed = instruction::Listing { oracle_key: keys.market, ..listing };
    let other_feed = instruction::create_market(admin.pubkey(), &keys, &other_feed);
    let right = instruction::create_market(admin.pubkey(), &keys, &listing);
    let mut unsigned = right.clone();
    unsigned.accounts[0].is_signer = false;
    let signers = [&*admin, &guardian, &market, &book];
    let made = || instructions[..2].to_vec();
    let with = |last| [made(), vec![last]].concat();
    world.chain.send(&with(by_guardian), &signers).await.expect_error(TaperError::NotAdmin);
    world.chain.send(&with(unknown), &signers).await.expect_error(TaperError::InvalidArgument);
    world.chain.send(&with(other_kind), &signers).await.expect_error(TaperError::OracleWrongFeed);
    world.chain.send(&with(other_feed), &signers).await.expect_error(TaperError::OracleWrongFeed);
    world.chain.send(&with(unsigned), &signers).await.expect_code(NOT_SIGNER);
    let payer = world.chain.payer();
    for (market_space, book_space) in [
        (Market::SPACE - 8, OrderBook::SPACE),
        (Market::SPACE + 8, OrderBook::SPACE),
        (Market::SPACE, OrderBook::SPACE + 1),
    ] {
        let small = vec![
            instruction::create_zeroed_account(&payer, &keys.market, market_space),
            instruction::create_zeroed_account(&payer, &keys.order_book, book_space),
            right.clone(),
        ];
        world.chain.send(&small, &signers).await.expect_error(TaperError::WrongAccountSize);
    }
    world.chain.send(&with(right), &signers).await.unwrap();
}

/// By one role, or by "both".
async fn set_status(world: &mut World, by: &str, market: Option<usize>, status: u8) -> Result<Outcome> {
    let market = market.map(|index| world.market(index)).transpose()?.map(|handle| handle.keys.market);
    let (admin, guardian, exchange) =
        (world.venue.admin.clone(), world.venue.guardian.clone(), world.venue.keys.exchange);
    if by == "both" {
        let set = instruction::set_status_jointly(admin.pubkey(), guardian.pubkey(), exchange, market, status);
        return world.chain.send(&[set], &[&admin, &guardian]).await;
    }
    let signer = match by {
        "admin" => admin,
        "guardian" => guardian,
        name => world.trader(name).keypair,
    };
    let set = instruction::set_status(signer.pubkey(), exchange, market, status);
    world.chain.send(&[set], &[&signer]).await
}

#[tokio::test]
async fn one_role_tightens_and_both_together_loosen() {
    let mut world = World::new().await.unwrap();
    for (scope, by, other) in [(None, "guardian", "admin"), (Some(0), "admin", "guardian")] {
        set_status(&mut world, "alice", scope, 2).await.expect_error(TaperError::NotGuardian);
        set_status(&mut world, other, scope, 3).await.expect_error(TaperError::InvalidArgument);
        set_status(&mut world, by, scope, 255).await.expect_error(TaperError::InvalidArgument);
        set_status(&mut world, by, scope, 0).await.expect_error(TaperError::StatusNotTightened);
        let outcome = set_status(&mut world, by, scope, 1).await.unwrap();
        if world.chain.is_vm() {
            assert_eq!(outcome.event::<StatusSet>().unwrap().status, 1);
        }
        set_status(&mut world, by, scope, 1).await.expect_error(TaperError::StatusNotTightened);
        set_status(&mut world, other, scope, 2).await.unwrap();
        for role in [by, other] {
            for status in [0, 1] {
                set_status(&mut world, role, scope, status).await.expect_error(TaperError::StatusNotTightened);
            }
        }
        set_status(&mut world, "both", scope, 2).await.expect_error(TaperError::StatusNotTightened);
        set_status(&mut world, "both", scope, 1).await.unwrap();
        set_status(&mut world, "both", scope, 0).await.unwrap();
    }
    // A stranger's signature beside the admin's is none of the two.
    let (admin, alice) = (world.venue.admin.clone(), world.trader("alice"));
    set_status(&mut world, "admin", None, 1).await.unwrap();
    let exchange = world.venue.keys.exchange;
    let set = instruction::set_status_jointly(admin.pubkey(), alice.key(), exchange, None, 0);
    world.chain.send(&[set], &[&admin, &alice.keypair]).await.expect_error(TaperError::StatusNotTightened);
}

#[tokio::test]
async fn a_pause_holds_withdrawals_for_a_day_in_two() {
    let mut world = World::new().await.unwrap();
    set_status(&mut world, "admin", None, 2).await.unwrap();
    world.pass(PAUSE_HOLD_SLOTS - 1).unwrap();
    world.withdraw("alice", TOKEN).await.expect_error(TaperError::ExchangePaused);
    world.pass(1).unwrap();
    world.withdraw("alice", TOKEN).await.unwrap();
    // Still paused in all else; and setting it anew holds nothing again for a day.
    world.take("alice", 0, Side::Bid, 1).await.expect_error(TaperError::ExchangePaused);
    for _ in 0..2 {
        set_status(&mut world, "both", None, 1).await.unwrap();
        set_status(&mut world, "guardian", None, 2).await.unwrap();
        world.withdraw("alice", TOKEN).await.unwrap();
        world.pass(PAUSE_HOLD_SLOTS - 1).unwrap();
    }
    world.pass(1).unwrap();
    set_status(&mut world, "both", None, 1).await.unwrap();
    set_status(&mut world, "guardian", None, 2).await.unwrap();
    world.withdraw("alice", TOKEN).await.expect_error(TaperError::ExchangePaused);
}

#[tokio::test]
async fn what_a_pause_stops_and_what_it_does_not() {
    for (scope, status, refusal, withdrawals) in [
        (None, 1, TaperError::ReduceOnly, true),
        (Some(0), 1, TaperError::ReduceOnly, true),
        (Some(0), 2, TaperError::MarketPaused, true),
        (None, 2, TaperError::ExchangePaused, false),
    ] {
        let mut world = long_alice().await;
        world.take("bob", 0, Side::Ask, 2_000).await.unwrap();
        world.place("bob", 0, order(Side::Ask, LISTED + 9_000, 5)).await.unwrap();
        world.pass(1).unwrap();
        set_status(&mut world, "admin", scope, status).await.unwrap();
        // Risk is not added: an order that opens, one that would turn the position, one that rests.
        world.take("alice", 0, Side::Bid, 1).await.expect_error(refusal);
        world.take("bob", 0, Side::Bid, 2_001).await.expect_error(refusal);
        world.place("dave", 0, order(Side::Bid, LISTED - 9_000, 1)).await.expect_error(refusal);
        // Reductions, cancels, deposits.
        let reduce = PlaceOrderArgs { kind: 2, ..order(Side::Bid, LISTED + 9_000, 500) };
        world.place("bob", 0, reduce).await.unwrap();
        world.cancel_all("bob", 0).await.unwrap();
        world.deposit("alice", TOKEN).await.unwrap();
        match withdrawals {
            true => drop(world.withdraw("alice", TOKEN).await.unwrap()),
            false => world.withdraw("alice", TOKEN).await.expect_error(TaperError::ExchangePaused),
        }
        // Liquidations: the maker cannot quote any more, so bids that were there must do.
        set_status(&mut world, "both", scope, 0).await.unwrap();
        move_price(&mut world, 0, SOFT).await;
        set_status(&mut world, "admin", scope, status).await.unwrap();
        world.liquidate("carol", "alice", 0).await.unwrap();
    }
}

#[tokio::test]
async fn income_is_swept_to_the_exchange() {
    let mut world = soft_alice().await;
    let (report, _) = world.liquidate("carol", "alice", 0).await.unwrap();
    let fees = world.market_account(0).unwrap().state.fees_atoms;
    assert!(fees > 0 && report.insurance_atoms > 0);
    let outcome = world.sweep_income(0).await.unwrap();
    let exchange = world.exchange().unwrap();
    assert_eq!((exchange.fees_atoms, exchange.insurance_atoms), (fees, report.insurance_atoms));
    let state = &world.market_account(0).unwrap().state;
    assert_eq!((state.fees_atoms, state.insurance_pending_atoms), (0, 0));
    if world.chain.is_vm() {
        let swept = outcome.event::<MarketIncomeSwept>().unwrap();
        assert_eq!((swept.fees_atoms, swept.insurance_atoms), (fees, report.insurance_atoms));
    }
    // Nothing to move is not an error.
    world.sweep_income(0).await.unwrap();
    let audit = world.chain.audit().unwrap();
    let totals = audit.exchanges[&world.venue.keys.exchange];
    assert_eq!(totals.surplus(), 0);
    assert_eq!(totals.insurance, i128::from(report.insurance_atoms));
}
