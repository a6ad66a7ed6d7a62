//! `donate_insurance`.

use solana_pubkey::Pubkey;
use solana_signer::Signer;
use taper::error::TaperError;
use taper::events::InsuranceDonated;
use taper_harness::{keypair, mint_bytes, token_account_bytes, ExpectRefusal, MarketHandle, Trader, Venue};

use super::*;

const TOKEN_2022: Pubkey = Pubkey::from_str_const("TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb");
/// The token program: the balance is too small; the signer does not own the account.
const INSUFFICIENT_FUNDS: u32 = 1;
const OWNER_MISMATCH: u32 = 4;

#[tokio::test]
async fn amounts_that_are_none() {
    let mut world = World::new().await.unwrap();
    for market in [None, Some(0)] {
        world.donate("bob", market, 0).await.expect_error(TaperError::AmountZero);
        world.donate("bob", market, u64::MAX).await.expect_error(TaperError::MathOverflow);
        // More than an amount may be, and more than bob has.
        world.donate("bob", market, (1 << 56) + 1).await.expect_error(TaperError::MathOverflow);
        world.donate("bob", market, 50_000 * TOKEN).await.expect_code(INSUFFICIENT_FUNDS);
    }
    assert_eq!(fund(&world), (0, 0, 0));
    assert_eq!(market_state(&world, 0).insurance.contributed_atoms, 0);
}

#[tokio::test]
async fn every_account_that_is_not_the_one() {
    let mut world = World::with_markets(1).await.unwrap();
    let mint = keypair("other mint").pubkey();
    world.chain.set_account(&mint, mint_bytes(6));
    // One exchange for the same mint, one for another.
    let twin = Venue::create(&mut world.chain, "twin", world.venue.keys.quote_mint).await.unwrap();
    let other = Venue::create(&mut world.chain, "other", mint).await.unwrap();
    let spec = MarketSpec::sol("TWIN", PriceSource::Push).unwrap();
    let foreign = MarketHandle::create(&mut world.chain, &twin, &spec).await.unwrap().keys.market;
    // So that its vault has something to lose.
    Trader::create(&mut world.chain, &twin, "depositor", 1_000 * TOKEN, 1_000 * TOKEN).await.unwrap();
    let bob = world.trader("bob");
    let others_tokens = keypair("bob's tokens of the other mint").pubkey();
    world.chain.set_account(&others_tokens, token_account_bytes(&mint, &bob.key(), 1_000 * TOKEN));

    let keys = world.venue.keys;
    let donate = [None, Some(0)].map(|market| world.donate_instruction("bob", market, 5).unwrap());
    let code = |error: TaperError| u32::from(error);
    for donation in &donate {
        for (slot, key, expected) in [
            (1, twin.keys.exchange, code(TaperError::WrongVault)),
            (1, other.keys.exchange, code(TaperError::WrongVault)),
            (3, keys.vault, code(TaperError::DuplicateAccount)),
            (3, others_tokens, code(TaperError::WrongMint)),
            (3, other.keys.vault, code(TaperError::WrongMint)),
            (3, twin.keys.vault, OWNER_MISMATCH),
            (3, world.trader("alice").token_account, OWNER_MISMATCH),
            (4, twin.keys.vault, code(TaperError::WrongVault)),
            (4, bob.token_account, code(TaperError::WrongVault)),
            (5, mint, code(TaperError::WrongMint)),
            (6, TOKEN_2022, code(TaperError::WrongTokenProgram)),
        ] {
            let mut swapped = donation.clone();
            swapped.accounts[slot].pubkey = key;
            world.chain.send(&[swapped], &[&bob.keypair]).await.expect_code(expected);
        }
    }
    let mut swapped = donate[1].clone();
    swapped.accounts[2].pubkey = foreign;
    world.chain.send(&[swapped], &[&bob.keypair]).await.expect_error(TaperError::WrongExchange);
    // The other exchange's whole set with this one's market.
    let mut swapped = donate[1].clone();
    (swapped.accounts[1].pubkey, swapped.accounts[4].pubkey) = (twin.keys.exchange, twin.keys.vault);
    world.chain.send(&[swapped], &[&bob.keypair]).await.expect_error(TaperError::WrongExchange);
    assert_eq!(fund(&world), (0, 0, 0));
    for donation in donate {
        world.chain.send(&[donation], &[&bob.keypair]).await.unwrap();
    }
    assert_eq!(fund(&world), (10, 10, 0));
}

/// The fund and the vault grow by the amount; what a market may draw, only if it is for that market. At any status.
#[tokio::test]
async fn for_the_exchange_and_for_a_market() {
    let mut world = World::with_markets(2).await.unwrap();
    let (guardian, exchange) = (world.venue.guardian.clone(), world.venue.keys.exchange);
    let pause = taper_sdk::instruction::set_status(guardian.pubkey(), exchange, None, 2);
    world.chain.send(&[pause], &[&guardian]).await.unwrap();
    let mut donated = 0;
    for (market, amount) in [(None, 7), (Some(1), 11), (Some(1), 13), (None, 1)] {
        let vault = world.chain.tokens(&world.venue.keys.vault);
        let outcome = world.donate("alice", market, amount).await.unwrap();
        donated += i64::try_from(amount).unwrap();
        assert_eq!(world.chain.tokens(&world.venue.keys.vault), vault + amount);
        assert_eq!(fund(&world), (donated, donated, 0));
        if world.chain.is_vm() {
            let event = outcome.event::<InsuranceDonated>().unwrap();
            let of = market.map_or(Pubkey::default(), |market| world.market(market).unwrap().keys.market);
            assert_eq!((event.exchange, event.market, event.donor), (exchange, of, world.trader("alice").key()));
            assert_eq!((event.amount_atoms, event.fund_after_atoms), (amount, donated));
        }
    }
    let entitlement = |market| market_state(&world, market).entitlement().0;
    assert_eq!((entitlement(0), entitlement(1)), (0, 24));
}
