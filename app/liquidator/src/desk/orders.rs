//! Orders that have outlived their margin. Such an account need not be at risk: it may have no position at all. So the markets' seats are looked through
//! for orders, one market a slot, and what an account's orders would make of it is worked out from the store.

use solana_pubkey::Pubkey;
use taper::state::MarginAccount;
use taper_engine::margin::{value_leg, Health, LegTotals, Requirement, Valuation};
use taper_engine::quantity::{QuoteAtoms, Side};
use taper_engine::seat::Seat;
use taper_sdk::account::decode;
use taper_sdk::plan::{plan_force_cancel, LegQuery};

use super::{Desk, Round};
use crate::action::{Duty, Upkeep};
use crate::decide::legs_of;
use crate::store::accounts::AccountId;
use crate::store::{sparse, Store};

/// Calls that one look at a market may start.
const PER_LOOK: usize = 8;

/// Where the next look begins.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Look {
    slot: u64,
    market: usize,
}

impl Desk {
    /// Looks through the next market, once a slot, and cancels what strangers may cancel.
    pub(super) fn look_for_orders(&mut self, store: &Store, round: &mut Round) {
        if !self.upkeep.cancel || self.look.slot == self.slot {
            return;
        }
        self.look.slot = self.slot;
        let Some(entry) = store.markets().nth(self.look.market).or_else(|| store.markets().next()) else { return };
        self.look.market = if self.look.market.saturating_add(1) < store.markets().count() {
            self.look.market.saturating_add(1)
        } else {
            0
        };
        let Ok(market) = entry.market() else { return };
        let table = &market.state.seats;
        let touched = usize::try_from(table.touched_count).unwrap_or(table.rows.len());
        let mut started = 0;
        for seat in table.rows.iter().take(touched).filter(|seat| adds(seat)) {
            if started == PER_LOOK {
                // The rest is found when it is this market's turn again.
                return;
            }
            let margin_account = Pubkey::from(seat.owner);
            if let Some(upkeep) = self.cancel_of(store, margin_account, entry.keys.market) {
                started += 1;
                self.begin_upkeep(store, upkeep, round);
            }
        }
    }

    fn cancel_of(&self, store: &Store, margin_account: Pubkey, market: Pubkey) -> Option<Upkeep> {
        if self.busy.contains_key(&margin_account) || self.is_troubled(&margin_account) {
            return None;
        }
        let id = store.accounts().find(&margin_account)?;
        let words = store.accounts().unpack(id);
        let account: &MarginAccount = decode(sparse::bytes_of(&words, MarginAccount::SPACE)).ok()?;
        if !with_orders(store, id, account)?.is_below(10_000) {
            return None;
        }
        // As the program will say; it knows the clock, and which prices are of use.
        let legs = legs_of(store, account, &market).ok()?;
        let keys = &store.market(&market)?.keys;
        let query = LegQuery { now: store.now(), keys, margin_account, legs: &legs };
        let cancelled = plan_force_cancel(&store.view(&[margin_account], &[market]), &query).ok()?;
        (cancelled > 0).then_some(Upkeep { duty: Duty::Cancel, margin_account, market })
    }
}

fn adds(seat: &Seat) -> bool {
    !seat.is_free() && (seat.rests_beyond(Side::Bid) || seat.rests_beyond(Side::Ask))
}

/// The account's health with its orders filled: what the store knows, and what the orders change of it.
fn with_orders(store: &Store, id: AccountId, account: &MarginAccount) -> Option<Health> {
    let health = store.accounts().row(id).health()?;
    let mut sum = LegTotals { equity: health.equity, requirement: health.requirement };
    for position in account.used_positions() {
        let entry = store.market(&position.market)?;
        let Some(price) = entry.price else { continue };
        let market = entry.market().ok()?;
        let seat = market.state.seats.get(position.seat_index).ok()?;
        let value = |valuation| value_leg(&market.state.params, seat, QuoteAtoms::ZERO, &price, valuation).ok();
        let (with, without) = (value(Valuation::WithOrders)?, value(Valuation::Favourable)?);
        let change = LegTotals {
            equity: with.equity.sub(without.equity).ok()?,
            requirement: Requirement(with.requirement.0.saturating_sub(without.requirement.0)),
        };
        sum = sum.add(change).ok()?;
    }
    sum.with_cash(QuoteAtoms::ZERO).ok()
}
