//! What is done when money runs out, and for it.

use taper_harness::{token_account_bytes, HarnessError, Outcome, Result, World};

use super::{Workload, MARKETS, TRADERS};
use crate::support::*;

impl Workload {
    /// Whoever is past the ladder loses the leg in this market to its counterparties; once in a while every one of its legs.
    pub(super) async fn resolve(&mut self, market: usize) -> Result<Outcome> {
        let ruined = TRADERS.into_iter().find(|name| {
            let health = self.world.health(name);
            self.world.base(name, market).unwrap() != 0
                && health.is_ok_and(|health| health.favourable.is_below(10_000) && health.maintenance.is_below(2_000))
        });
        let name = ruined.unwrap_or_else(|| self.random.pick(&TRADERS));
        let outcome = self.world.resolve(name, market).await?.outcome;
        self.resolved += 1;
        if self.random.below(2) == 0 {
            self.finish(name, market).await?;
        }
        Ok(outcome)
    }

    /// INV-22: a bankrupt account whose oracles are live has no seat left after a bounded number of calls, in whatever order: one to
    /// resolve and one to release a seat, for each of its legs, round and round.
    async fn finish(&mut self, name: &str, first: usize) -> Result<()> {
        let seats = |world: &World| world.account(name).unwrap().used_positions().count();
        let bankrupt = |world: &World| {
            world.health(name).is_ok_and(|health| {
                let bonds = i64::try_from(seats(world)).unwrap() * 4 * i64::try_from(TOKEN).unwrap();
                health.favourable.equity.0 + bonds < 0
            })
        };
        self.world.pass(1)?;
        if !bankrupt(&self.world) {
            return Ok(());
        }
        for call in 0..=2 * MARKETS {
            for market in (0..MARKETS).map(|index| (first + index) % MARKETS) {
                let resolved = self.world.resolve(name, market).await.map(|done| done.outcome);
                for done in [resolved, self.world.release(name, market).await] {
                    match done {
                        Ok(_) | Err(HarnessError::Refused(_)) => {}
                        Err(other) => return Err(other),
                    }
                }
            }
            if seats(&self.world) == 0 {
                self.ruined += 1;
                return Ok(());
            }
            println!("{name} has {} seats after round {call}", seats(&self.world));
        }
        panic!("{name} still has seats: {:?}", self.world.health(name));
    }

    /// Somebody's deficit is recorded: of one who has one, if there is one.
    pub(super) async fn record(&mut self, name: &'static str) -> Result<Outcome> {
        let lacks = |name: &&str| self.world.health(name).is_ok_and(|health| health.maintenance.equity.is_negative());
        let name = TRADERS.into_iter().find(lacks).unwrap_or(name);
        self.world.record_deficit(name).await?;
        let (exchange, vault) = (self.world.exchange()?, self.world.chain.tokens(&self.world.venue.keys.vault));
        assert!(exchange.recorded_deficit_atoms <= i64::try_from(vault).unwrap(), "more is missing than there is");
        Ok(Outcome::default())
    }

    pub(super) async fn donate(&mut self, name: &str, market: usize) -> Result<Outcome> {
        let amount = 1 + self.random.below(300 * TOKEN);
        let trader = self.world.trader(name);
        let wallet = token_account_bytes(&self.world.venue.keys.quote_mint, &trader.key(), amount);
        self.world.chain.set_account(&trader.token_account, wallet);
        let market = self.random.pick(&[None, Some(market)]);
        self.world.donate(name, market, amount).await
    }
}
