//! The same rows as the ledger's, read from the accounts.

use taper::state::Proposal;

use super::*;

impl Ledger {
    /// The same rows, read from the accounts.
    pub(super) fn of_accounts(chain: &Chain) -> Result<Self> {
        let mut ledger = Self::default();
        for (key, account) in chain.tracked().filter(|(_, account)| account.owner == taper::ID) {
            if taper_sdk::account::is::<Exchange>(&account.data) {
                let exchange: &Exchange = chain.load(key)?;
                let row = ExchangeRow {
                    admin: exchange.admin,
                    pending_admin: exchange.pending_admin,
                    guardian: exchange.guardian,
                    timelock: exchange.timelock_slots,
                    proposal_count: exchange.proposal_count,
                    vault: exchange.vault,
                    tokens: i128::from(chain.tokens(&exchange.vault)),
                    fees: exchange.fees_atoms,
                    insurance: exchange.insurance_atoms,
                    donated: exchange.insurance_donated_atoms,
                    drawn: exchange.insurance_drawn_atoms,
                    deficits: exchange.recorded_deficit_atoms,
                    held: exchange.held_loss_atoms,
                    status: exchange.status,
                    paused_slot: exchange.paused_slot,
                };
                ledger.exchanges.insert(*key, row);
            } else if taper_sdk::account::is::<MarginAccount>(&account.data) {
                let account: &MarginAccount = chain.load(key)?;
                let row = AccountRow {
                    exchange: account.exchange,
                    cash: account.state.cash_atoms,
                    recorded_deficit: account.state.recorded_deficit_atoms,
                    delegate: account.delegate,
                };
                ledger.accounts.insert(*key, row);
            } else if taper_sdk::account::is::<Proposal>(&account.data) {
                if let Some(row) = ProposalRow::of(chain.load(key)?) {
                    ledger.proposals.insert(*key, row);
                }
            } else if taper_sdk::account::is::<Market>(&account.data) {
                let market: &Market = chain.load(key)?;
                ledger.read_market(key, market, chain.load(&market.order_book)?);
            }
        }
        Ok(ledger)
    }

    pub(super) fn read_market(&mut self, key: &Pubkey, market: &Market, book: &OrderBook) {
        let state = &market.state;
        let row = MarketRow {
            exchange: market.exchange,
            order_book: market.order_book,
            oracle: (market.oracle_kind, market.oracle_key),
            opens_slot: market.opens_slot,
            params: ParamsRow::of(state),
            settle_after_slot: state.settle_after_slot,
            final_price: state.final_price_atoms_per_lot,
            status: market.status,
            fees: state.fees_atoms,
            insurance: state.insurance_pending_atoms,
            contributed: state.insurance.contributed_atoms,
            drawn: state.insurance.drawn_atoms,
            tips: state.insurance.tips_atoms,
            losses: LossRow {
                deleveraged: state.deleveraged_atoms,
                socialised: state.socialised_atoms,
                unassigned: state.unassigned_loss_atoms,
                held: state.held_loss_atoms,
            },
            clearing: state.charges.clearing_atoms,
            net_swept: state.net_swept_profit_atoms,
            fill_sequence: state.fill_sequence,
            funding: FundingRow {
                index: state.charges.funding_index_scaled,
                slot: state.charges.accrued_slot,
                rate: state.charges.funding_rate_scaled_per_slot,
                premium: state.charges.premium_atoms_per_lot,
                sampled_slot: state.charges.sampled_slot,
            },
            loss_index: state.charges.loss_index_scaled,
        };
        self.markets.insert(*key, row);
        let touched = usize::try_from(state.seats.touched_count).unwrap_or(usize::MAX);
        for (index, seat) in (0u32..).zip(state.seats.rows.iter().take(touched)) {
            if seat.owner == [0; 32] {
                continue;
            }
            let balance = SeatBalance {
                base_lots: seat.base_lots,
                quote_entry_atoms: seat.quote_entry_atoms,
                realised_atoms: seat.realised_atoms,
                funding_checkpoint_scaled: seat.funding_checkpoint_scaled,
                loss_checkpoint_scaled: seat.loss_checkpoint_scaled,
            };
            let row = SeatRow { owner: Pubkey::new_from_array(seat.owner), bond: seat.bond_atoms, balance };
            self.seats.insert((*key, index), row);
        }
        for (code, side) in [(0, Side::Bid), (1, Side::Ask)] {
            for order in book.book.orders(side) {
                self.orders.insert((*key, code, order.sequence), (order.size_base_lots, order.seat_index));
            }
        }
    }
}
