//! Which error an account gets that is not the one meant. `substitution` tries every slot with every account; here are the codes.

use solana_instruction::AccountMeta;
use solana_pubkey::Pubkey;
use solana_signer::Signer;
use taper::error::TaperError;
use taper_engine::quantity::Side;
use taper_harness::{
    keypair, mint_bytes, order, token_account_bytes, Checks, ExpectRefusal, MarketHandle, MarketSpec, PriceSource,
    Trader, Venue, World,
};
use taper_sdk::instruction;

use crate::support::*;

const TOKEN_2022: Pubkey = Pubkey::from_str_const("TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb");
/// Anchor: the account is of another type.
const OTHER_TYPE: u32 = 3_002;
/// Anchor: the account belongs to another program.
const OTHER_PROGRAM: u32 = 3_007;

#[tokio::test]
async fn a_slice_names_what_was_swapped() {
    let mut world = World::with_markets(2).await.unwrap();
    world.take("alice", 0, Side::Bid, 5_000).await.unwrap();
    world.take("alice", 1, Side::Bid, 5_000).await.unwrap();
    world.pass(10).unwrap();
    for market in [0, 1] {
        move_price(&mut world, market, SOFT).await;
    }
    let other = Venue::create(&mut world.chain, "other", world.venue.keys.quote_mint).await.unwrap();
    let spec = MarketSpec::sol("OTHER", PriceSource::Push).unwrap();
    let foreign = MarketHandle::create(&mut world.chain, &other, &spec).await.unwrap();
    let mallory = Trader::create(&mut world.chain, &other, "mallory", 2_000 * TOKEN, 1_000 * TOKEN).await.unwrap();
    let mint = keypair("other mint").pubkey();
    world.chain.set_account(&mint, mint_bytes(6));
    let other_tokens = keypair("other tokens").pubkey();
    world.chain.set_account(&other_tokens, token_account_bytes(&mint, &world.trader("carol").key(), 1));

    let (first, second) = (world.market(0).unwrap(), world.market(1).unwrap());
    let (carol, bob) = (world.trader("carol"), world.trader("bob"));
    let args = world.liquidate_args("alice", 0).unwrap();
    let credit = world.payout_as_credit("carol");
    let tokens = world.payout_in_tokens("carol");
    let credited = world.liquidate_instruction("carol", "alice", 0, &credit, args).unwrap();
    let paid = world.liquidate_instruction("carol", "alice", 0, &tokens, args).unwrap();
    let code = |error: TaperError| u32::from(error);
    for (instruction, slot, key, expected) in [
        (&credited, 1, other.keys.exchange, code(TaperError::WrongExchange)),
        (&credited, 1, first.keys.market, OTHER_TYPE),
        (&credited, 2, foreign.keys.market, code(TaperError::WrongExchange)),
        (&credited, 2, second.keys.market, code(TaperError::WrongOrderBook)),
        (&credited, 2, world.venue.keys.exchange, OTHER_TYPE),
        (&credited, 2, first.feed.account, OTHER_PROGRAM),
        (&credited, 3, second.keys.order_book, code(TaperError::WrongOrderBook)),
        (&credited, 3, foreign.keys.order_book, code(TaperError::WrongOrderBook)),
        (&credited, 3, bob.margin, OTHER_TYPE),
        (&credited, 4, bob.margin, code(TaperError::PositionNotFound)),
        (&credited, 4, mallory.margin, code(TaperError::WrongExchange)),
        (&credited, 4, second.keys.order_book, OTHER_TYPE),
        (&credited, 4, world.venue.keys.vault, OTHER_PROGRAM),
        (&credited, 5, second.feed.account, code(TaperError::OracleWrongFeed)),
        (&credited, 5, first.keys.market, code(TaperError::OracleWrongOwner)),
        (&credited, 6, mallory.margin, code(TaperError::WrongExchange)),
        (&credited, 6, world.trader("alice").margin, code(TaperError::DuplicateAccount)),
        (&credited, 11, first.keys.market, code(TaperError::WrongLegMarket)),
        (&credited, 11, foreign.keys.market, code(TaperError::WrongLegMarket)),
        (&credited, 12, first.feed.account, code(TaperError::OracleWrongFeed)),
        (&paid, 7, other_tokens, code(TaperError::WrongMint)),
        (&paid, 7, world.venue.keys.vault, code(TaperError::DuplicateAccount)),
        (&paid, 8, other.keys.vault, code(TaperError::WrongVault)),
        (&paid, 8, bob.token_account, code(TaperError::WrongVault)),
        (&paid, 9, mint, code(TaperError::WrongMint)),
        (&paid, 10, TOKEN_2022, code(TaperError::WrongTokenProgram)),
    ] {
        let mut swapped = instruction.clone();
        swapped.accounts[slot].pubkey = key;
        world.chain.send(&[swapped], &[&carol.keypair]).await.expect_code(expected);
    }
    for (whole, length) in [(&credited, 11), (&credited, 12), (&paid, 11), (&paid, 12)] {
        let mut short = whole.clone();
        short.accounts.truncate(length);
        world.chain.send(&[short], &[&carol.keypair]).await.expect_error(TaperError::MissingLegAccounts);
    }
    for instruction in [paid, credited] {
        let before = world.chain.snapshot();
        world.chain.send(&[instruction], &[&carol.keypair]).await.unwrap();
        world.chain.restore(&before);
    }
}

/// An absorber names its own legs after the liquidatee's: neither may be left out, swapped or given twice.
#[tokio::test]
async fn an_absorber_names_both_accounts_legs() {
    let mut world = World::with_markets(3).await.unwrap();
    for market in [0, 1] {
        world.take("alice", market, Side::Bid, 5_000).await.unwrap();
    }
    world.place("carol", 2, order(Side::Bid, LISTED - 50_000, 10)).await.unwrap();
    world.pass(10).unwrap();
    for market in [0, 1] {
        move_price(&mut world, market, SOFT).await;
    }
    let carol = world.trader("carol");
    let args = world.liquidate_args("alice", 0).unwrap();
    let absorb = world.absorb_instruction("carol", "alice", 0, args).unwrap();
    assert_eq!(absorb.accounts.len(), 7 + 2 + 2);
    let mut changed = async |change: &dyn Fn(&mut Vec<AccountMeta>), error| {
        let mut instruction = absorb.clone();
        change(&mut instruction.accounts);
        world.chain.send(&[instruction], &[&carol.keypair]).await.expect_error(error);
    };
    for length in 7..11 {
        changed(&|metas| metas.truncate(length), TaperError::MissingLegAccounts).await;
    }
    changed(&|metas| metas[7..11].rotate_left(2), TaperError::WrongLegMarket).await;
    changed(&|metas| metas.swap(8, 10), TaperError::OracleWrongFeed).await;
    changed(&|metas| metas.extend_from_within(9..11), TaperError::SurplusLegAccounts).await;
    changed(&|metas| metas[6] = metas[4].clone(), TaperError::AbsorbIntoItself).await;
    world.chain.send(&[absorb], &[&carol.keypair]).await.unwrap();
}

/// Versions to come, in accounts of today: as if an upgrade had been rolled back.
#[tokio::test]
async fn a_layout_version_of_the_future_is_refused() {
    let mut world = World::new().await.unwrap();
    world.chain.set_checks(Checks { audit_every: 0 });
    let keys = [world.trader("alice").margin, world.market(0).unwrap().keys.market];
    // Made before: the SDK refuses to read such an account.
    let place = world.place_instruction("alice", 0, order(Side::Bid, LISTED - 500, 10)).unwrap();
    let alice = world.trader("alice").keypair;
    for key in keys {
        let good = world.chain.get(&key).unwrap().clone();
        for version in [0, 2, 255] {
            let mut other = good.clone();
            other.data[8] = version;
            world.chain.set_account(&key, other);
            let sent = world.chain.send(std::slice::from_ref(&place), &[&alice]).await;
            sent.expect_error(TaperError::WrongVersion);
        }
        world.chain.set_account(&key, good);
    }
    world.chain.send(&[place], &[&alice]).await.unwrap();
}

/// Whether it is written to or only read.
#[tokio::test]
async fn an_exchange_a_book_or_a_proposal_of_another_version_is_refused() {
    let mut world = World::new().await.unwrap();
    world.chain.set_checks(Checks { audit_every: 0 });
    let (alice, admin) = (world.trader("alice").keypair, world.venue.admin.clone());
    let (exchange, book) = (world.venue.keys.exchange, world.market(0).unwrap().keys.order_book);
    let timelock = taper::state::ProposalAction::Timelock { timelock_slots: 5 };
    let propose = instruction::propose(admin.pubkey(), exchange, None, 0, timelock);
    world.chain.send(&[propose], &[&admin]).await.unwrap();
    let proposal = taper_sdk::address::proposal(&exchange, 0);
    let place =
        |world: &World, below| world.place_instruction("alice", 0, order(Side::Bid, LISTED - below, 10)).unwrap();
    let (margin, token_account) = (world.trader("alice").margin, world.trader("alice").token_account);
    let (market_keys, venue_keys) = (world.market(0).unwrap().keys, world.venue.keys);
    let legs = world.legs("alice", None).unwrap();
    assert!(legs.is_empty(), "alice has no position yet: the withdrawal comes first");
    let all = taper::instructions::CancelAllOrdersArgs { side: taper::instructions::BOTH_SIDES, limit: 1 };
    let calls = [
        (exchange, instruction::withdraw(alice.pubkey(), &venue_keys, margin, token_account, 7, &legs)),
        (exchange, world.donate_instruction("alice", None, 5).unwrap()),
        (exchange, place(&world, 500)),
        (book, place(&world, 600)),
        (book, instruction::cancel_all_orders(alice.pubkey(), &market_keys, margin, all)),
        (exchange, instruction::update_funding(&market_keys)),
        (exchange, instruction::create_margin_account(alice.pubkey(), exchange, 77, false)),
        (proposal, instruction::apply_proposal(exchange, 0, None, None)),
    ];
    for (key, call) in calls {
        let good = world.chain.get(&key).unwrap().clone();
        for version in [0, 2, 255] {
            let mut other = good.clone();
            other.data[8] = version;
            world.chain.set_account(&key, other);
            world.chain.send(std::slice::from_ref(&call), &[&alice]).await.expect_error(TaperError::WrongVersion);
        }
        world.chain.set_account(&key, good);
        world.chain.send(&[call], &[&alice]).await.unwrap();
    }
}

/// What must never happen, were it to happen: the vault has less than is owed. Tokens are refused by name, credit still works.
#[tokio::test]
async fn an_empty_vault_pays_nobody_and_credit_still_works() {
    let mut world = soft_alice().await;
    world.chain.set_checks(Checks { audit_every: 0 });
    let keys = world.venue.keys;
    world.chain.set_account(&keys.vault, token_account_bytes(&keys.quote_mint, &keys.exchange, 0));
    world.withdraw("bob", 1).await.expect_error(TaperError::VaultCannotPay);
    let args = world.liquidate_args("alice", 0).unwrap();
    let tokens = world.payout_in_tokens("carol");
    let slice = world.liquidate_instruction("carol", "alice", 0, &tokens, args).unwrap();
    let carol = world.trader("carol").keypair;
    world.chain.send(&[slice], &[&carol]).await.expect_error(TaperError::VaultCannotPay);
    let (report, _) = world.liquidate("carol", "alice", 0).await.unwrap();
    assert!(report.caller_payout_atoms > 0);
}

#[tokio::test]
async fn a_ninth_position_is_refused() {
    let mut world = World::with_markets(8).await.unwrap();
    world.add_market(&MarketSpec::sol("NINTH", PriceSource::Push).unwrap()).await.unwrap();
    world.deposit("alice", 10_000 * TOKEN).await.unwrap();
    for market in 0..8 {
        world.place("alice", market, order(Side::Bid, LISTED - 50_000, 10)).await.unwrap();
    }
    let ninth = order(Side::Bid, LISTED - 50_000, 10);
    world.place("alice", 8, ninth).await.expect_error(TaperError::TooManyPositions);
    // One released makes room.
    world.cancel_all("alice", 3).await.unwrap();
    let release = instruction::release_seat(world.market(3).unwrap().keys.market, world.trader("alice").margin);
    world.chain.send(&[release], &[]).await.unwrap();
    world.place("alice", 8, ninth).await.unwrap();
}

/// An instruction of one market in the transaction does not lend its accounts to another: surplus accounts are refused, whatever they are.
#[tokio::test]
async fn surplus_accounts_are_refused_whatever_they_are() {
    let mut world = soft_alice().await;
    let args = world.liquidate_args("alice", 0).unwrap();
    let credit = world.payout_as_credit("carol");
    let slice = world.liquidate_instruction("carol", "alice", 0, &credit, args).unwrap();
    let carol = world.trader("carol");
    for key in [world.market(0).unwrap().keys.market, carol.margin, keypair("nothing there").pubkey(), taper::ID] {
        let mut surplus = slice.clone();
        surplus.accounts.push(AccountMeta::new_readonly(key, false));
        world.chain.send(&[surplus], &[&carol.keypair]).await.expect_error(TaperError::SurplusLegAccounts);
    }
}
