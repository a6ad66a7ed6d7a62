//! What the events of trading say: creation, cash, seats, orders, slices, income.

use super::*;

impl MarketRow {
    /// Income of insurance, not yet swept to the exchange.
    pub(super) fn contribute(&mut self, atoms: i64) {
        self.insurance += atoms;
        self.contributed += atoms;
    }
}

impl Ledger {
    pub(super) fn exchange_initialized(&mut self, event: &ExchangeInitialized) {
        let (admin, guardian, vault) = (event.admin, event.guardian, event.vault);
        let row = ExchangeRow { admin, guardian, vault, timelock: event.timelock_slots, ..ExchangeRow::default() };
        self.exchanges.insert(event.exchange, row);
    }

    pub(super) fn market_created(&mut self, event: &MarketCreated) {
        let (exchange, order_book) = (event.exchange, event.order_book);
        let (oracle, opens_slot) = ((event.oracle_kind, event.oracle_key), event.opens_slot);
        let params = ParamsRow::listed(&event.params);
        let row = MarketRow { exchange, order_book, oracle, opens_slot, params, ..MarketRow::default() };
        self.markets.insert(event.market, row);
    }

    pub(super) fn account_created(&mut self, event: &MarginAccountCreated) {
        let row = AccountRow { exchange: event.exchange, ..AccountRow::default() };
        self.accounts.insert(event.margin_account, row);
    }

    pub(super) fn account_closed(&mut self, event: &MarginAccountClosed) {
        self.accounts.remove(&event.margin_account);
    }

    pub(super) fn deposited(&mut self, event: &Deposited) {
        self.account(&event.margin_account).cash = event.cash_after_atoms;
        self.move_tokens(&event.margin_account, i128::from(event.amount_atoms));
    }

    pub(super) fn withdrawn(&mut self, event: &Withdrawn) {
        self.account(&event.margin_account).cash = event.cash_after_atoms;
        self.move_tokens(&event.margin_account, -i128::from(event.amount_atoms));
    }

    pub(super) fn swept(&mut self, event: &Swept) {
        self.account(&event.margin_account).cash += event.amount_atoms;
        let balance = &mut self.seat(&event.market, event.seat_index).balance;
        balance.realised_atoms -= event.amount_atoms + event.charged_atoms;
        balance.funding_checkpoint_scaled = event.funding_checkpoint_scaled;
        balance.loss_checkpoint_scaled = event.loss_checkpoint_scaled;
        self.index_told(&event.market, event.funding_checkpoint_scaled);
        let market = self.market(&event.market);
        market.clearing += event.charged_atoms;
        market.net_swept += event.amount_atoms;
    }

    pub(super) fn seat_taken(&mut self, event: &SeatTaken) {
        self.account(&event.margin_account).cash -= i64::try_from(event.bond_atoms).unwrap_or(i64::MAX);
        let row = SeatRow { owner: event.margin_account, bond: event.bond_atoms, ..SeatRow::default() };
        self.seats.insert((event.market, event.seat_index), row);
    }

    pub(super) fn seat_released(&mut self, event: &SeatReleased) {
        self.account(&event.margin_account).cash = event.cash_after_atoms;
        self.seats.remove(&(event.market, event.seat_index));
    }

    pub(super) fn order_placed(&mut self, event: &OrderPlaced) {
        self.seat(&event.market, event.seat_index).balance = event.seat_after;
        self.market(&event.market).fees += event.taker_fee_atoms;
        if event.posted_base_lots != 0 {
            let order = (event.posted_base_lots, event.seat_index);
            self.orders.insert((event.market, event.side, event.sequence), order);
        }
    }

    pub(super) fn book_changed(&mut self, event: &BookChanged) {
        let makers = if event.taker_side == 0 { Side::Ask } else { Side::Bid };
        for fill in &event.fills {
            self.shrink(&event.market, 1 - event.taker_side, fill.sequence, fill.base_lots);
            self.market(&event.market).fees += fill.maker_fee_atoms;
            self.market(&event.market).clearing += fill.maker_settled_atoms;
            self.fill_maker(&event.market, makers, fill);
            let balance = &mut self.seat(&event.market, fill.maker_seat_index).balance;
            balance.funding_checkpoint_scaled = event.funding_index_scaled;
            balance.loss_checkpoint_scaled = event.loss_index_scaled;
        }
        self.index_told(&event.market, event.funding_index_scaled);
        self.market(&event.market).fill_sequence = event.fill_sequence;
        self.remove_all(&event.market, &event.removals);
    }

    /// The engine's own arithmetic on a seat that holds what the events said so far.
    pub(super) fn fill_maker(&mut self, market: &Pubkey, side: Side, fill: &Fill) {
        let row = self.seat(market, fill.maker_seat_index);
        let mut seat: Seat = bytemuck::Zeroable::zeroed();
        seat.base_lots = row.balance.base_lots;
        seat.quote_entry_atoms = row.balance.quote_entry_atoms;
        seat.realised_atoms = row.balance.realised_atoms - fill.maker_settled_atoms;
        let lots = BaseLots(fill.base_lots);
        let applied = Price(fill.price_atoms_per_lot)
            .notional(lots)
            .and_then(|quote| seat.apply_fill(side, lots, quote, QuoteAtoms(fill.maker_fee_atoms)));
        row.balance = SeatBalance {
            base_lots: seat.base_lots,
            quote_entry_atoms: seat.quote_entry_atoms,
            realised_atoms: seat.realised_atoms,
            ..row.balance
        };
        if let Err(error) = applied {
            self.fail(format!("a fill that the engine refuses: {error:?}"));
        }
    }

    pub(super) fn remove_all(&mut self, market: &Pubkey, removals: &[Removal]) {
        for removal in removals {
            self.shrink(market, removal.side, removal.sequence, removal.base_lots);
        }
    }

    pub(super) fn shrink(&mut self, market: &Pubkey, side: u8, sequence: u64, lots: i64) {
        let key = (*market, side, sequence);
        match self.orders.get_mut(&key) {
            Some((left, _)) if *left > lots => *left -= lots,
            Some((left, _)) if *left == lots => drop(self.orders.remove(&key)),
            other => {
                let fault = format!("{lots} lots left order {sequence}, which has {other:?}");
                self.fail(fault);
            }
        }
    }

    pub(super) fn order_cancelled(&mut self, event: &OrderCancelled) {
        self.remove_all(&event.market, std::slice::from_ref(&event.order));
    }

    pub(super) fn orders_cancelled(&mut self, event: &OrdersCancelled) {
        self.remove_all(&event.market, &event.removals);
    }

    pub(super) fn sliced(&mut self, event: &Sliced) {
        self.seat(&event.market, event.seat_index).balance = event.seat_after;
        self.account(&event.margin_account).cash = event.cash_after_atoms;
        let market = self.market(&event.market);
        market.contribute(event.report.insurance_atoms);
        market.insurance -= event.report.tip_atoms;
        market.tips += event.report.tip_atoms;
        let payout = event.report.caller_payout_atoms;
        if event.credited {
            self.account(&event.payout_to).cash += payout;
        } else {
            self.move_tokens(&event.margin_account, -i128::from(payout));
        }
    }

    pub(super) fn absorbed(&mut self, event: &Absorbed) {
        self.seat(&event.market, event.seat_index).balance = event.seat_after;
        self.account(&event.margin_account).cash = event.cash_after_atoms;
        self.seat(&event.market, event.absorber_seat_index).balance = event.absorber_seat_after;
        self.account(&event.absorber).cash = event.absorber_cash_after_atoms;
        let report = &event.report;
        self.market(&event.market).contribute(report.insurance_atoms + report.discount_insurance_atoms);
    }

    pub(super) fn loss_settled(&mut self, event: &LossSettled) {
        self.seat(&event.market, event.seat_index).balance = event.seat_after;
        self.account(&event.margin_account).cash = event.cash_after_atoms;
        self.market(&event.market).net_swept -= event.amount_atoms;
    }

    pub(super) fn funding_updated(&mut self, event: &FundingUpdated) {
        self.index_told(&event.market, event.funding_index_scaled);
        let slot = self.slot;
        let funding = &mut self.market(&event.market).funding;
        funding.rate = event.rate_scaled_per_slot;
        funding.premium = event.premium_atoms_per_lot;
        funding.sampled_slot = slot;
    }

    /// A seat was settled to this funding index, or it was sampled: the index as it is in this slot.
    pub(super) fn index_told(&mut self, market: &Pubkey, index: i64) {
        let slot = self.slot;
        let funding = &mut self.market(market).funding;
        (funding.index, funding.slot) = (index, slot);
    }

    pub(super) fn income_swept(&mut self, event: &MarketIncomeSwept) {
        let market = self.market(&event.market);
        market.fees -= event.fees_atoms;
        market.clearing -= event.residue_atoms;
        market.contribute(event.residue_atoms);
        market.insurance -= event.insurance_atoms;
        let exchange = self.exchange(&event.exchange);
        exchange.fees += event.fees_atoms;
        exchange.insurance += event.insurance_atoms;
    }

    pub(super) fn status_set(&mut self, event: &StatusSet) {
        if event.market == Pubkey::default() {
            // The program's own rule of how long a pause holds withdrawals.
            let slot = self.slot;
            let row = self.exchange(&event.exchange);
            let mut exchange: Exchange = bytemuck::Zeroable::zeroed();
            (exchange.status, exchange.paused_slot) = (row.status, row.paused_slot);
            exchange.set_status(event.status, slot);
            (row.status, row.paused_slot) = (exchange.status, exchange.paused_slot);
        } else {
            self.market(&event.market).status = event.status;
        }
    }

    pub(super) fn delegate_set(&mut self, event: &DelegateSet) {
        self.account(&event.margin_account).delegate = event.delegate;
    }
}
