//! What the events say of a market's end.

use taper_engine::settlement::FinalTerms;

use super::*;

impl Ledger {
    /// Every position is closed by the engine's own rule, which knows the seat and the event's terms and nothing else.
    pub(super) fn market_settled(&mut self, event: &MarketSettled) {
        let terms = FinalTerms {
            price: Price(event.final_price_atoms_per_lot),
            funding_index_scaled: event.funding_index_scaled,
            loss_index_scaled: event.loss_index_scaled,
        };
        let (mut charged, mut longs) = (0, 0);
        for (_, row) in self.seats.iter_mut().filter(|((market, _), _)| *market == event.market) {
            let balance = &mut row.balance;
            longs += balance.base_lots.max(0);
            let mut seat: Seat = bytemuck::Zeroable::zeroed();
            seat.base_lots = balance.base_lots;
            seat.quote_entry_atoms = balance.quote_entry_atoms;
            seat.realised_atoms = balance.realised_atoms;
            seat.funding_checkpoint_scaled = balance.funding_checkpoint_scaled;
            seat.loss_checkpoint_scaled = balance.loss_checkpoint_scaled;
            match terms.close(&mut seat) {
                Ok(paid) => charged += paid,
                Err(error) => {
                    self.fault.get_or_insert(format!("a seat that cannot be closed: {error:?}"));
                    return;
                }
            }
            (balance.base_lots, balance.quote_entry_atoms) = (seat.base_lots, seat.quote_entry_atoms);
            balance.realised_atoms = seat.realised_atoms;
        }
        let orders = self.orders.len();
        self.orders.retain(|(market, ..), _| *market != event.market);
        let orders = u32::try_from(orders - self.orders.len()).unwrap_or(u32::MAX);
        if (charged, longs, orders) != (event.charged_atoms, event.base_lots, event.orders) {
            let told = (event.charged_atoms, event.base_lots, event.orders);
            self.fail(format!("a settlement closed {:?}, not {told:?}", (charged, longs, orders)));
        }
        let market = self.market(&event.market);
        market.clearing += event.charged_atoms;
        market.final_price = event.final_price_atoms_per_lot;
        market.funding.rate = 0;
        self.index_told(&event.market, event.funding_index_scaled);
    }

    pub(super) fn market_closed(&mut self, event: &MarketClosed) {
        self.income_swept(&MarketIncomeSwept {
            exchange: event.exchange,
            market: event.market,
            fees_atoms: event.fees_atoms,
            insurance_atoms: event.insurance_atoms,
            residue_atoms: event.residue_atoms,
        });
        let Some(row) = self.markets.remove(&event.market) else {
            self.fail(format!("a market was closed that never was: {}", event.market));
            return;
        };
        let seats = self.seats.keys().any(|(market, _)| *market == event.market);
        let orders = self.orders.keys().any(|(market, ..)| *market == event.market);
        let money = [row.fees, row.insurance, row.clearing, row.losses.unassigned, row.losses.held];
        if row.order_book != event.order_book || seats || orders || money != [0; 5] {
            self.fail(format!("a market was closed that was not empty: {row:?}"));
        }
    }
}
