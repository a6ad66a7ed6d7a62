//! What the events say of accounts past the ladder, and of insurance.

use super::*;

impl Ledger {
    pub(super) fn leg_resolved(&mut self, event: &LegResolved) {
        let own = (event.market, event.seat_index);
        self.account(&event.margin_account).cash = event.cash_after_atoms;
        if let Some(returned) = event.released_bond_atoms {
            let bond = self.seats.remove(&own).map_or(0, |seat| i64::try_from(seat.bond).unwrap_or(i64::MAX));
            if bond != returned + event.bond_paid_atoms {
                self.fail(format!("of a bond of {bond}, {returned} were returned and {} paid", event.bond_paid_atoms));
            }
        } else {
            self.seat(&event.market, event.seat_index).balance = event.seat_after;
        }
        for row in &event.counterparties {
            self.deleverage(event, row);
        }
        let report = &event.report;
        let drawn = report.insurance_from_market_atoms + report.insurance_from_fund_atoms;
        self.draw(&event.exchange, &event.market, report.insurance_from_market_atoms, report.insurance_from_fund_atoms);
        let (told, found) = (event.loss_index_before_scaled, self.market(&event.market).loss_index);
        if told != found {
            self.fail(format!("the loss index was {found}, not {told}"));
        }
        let market = self.market(&event.market);
        market.clearing += event.charged_atoms - report.socialised_atoms;
        market.net_swept += event.swept_atoms - event.bond_paid_atoms - drawn;
        market.losses.deleveraged += report.deleveraged_atoms.max(0);
        market.losses.socialised += report.socialised_atoms;
        market.losses.unassigned += report.unassigned_atoms;
        market.loss_index = event.loss_index_scaled;
        self.hold(&event.exchange, &event.market, event.held_loss_atoms);
        self.index_told(&event.market, event.funding_index_scaled);
        self.record(&event.exchange, &event.margin_account, event.deficit_after_atoms);
    }

    /// A counterparty's seat: settled, closed at the oracle price, charged.
    fn deleverage(&mut self, event: &LegResolved, row: &DeleveragedSeat) {
        let before = self.seat(&event.market, row.seat_index).balance;
        let side = if before.base_lots > 0 { Side::Ask } else { Side::Bid };
        let fill = Fill {
            maker_seat_index: row.seat_index,
            price_atoms_per_lot: event.report.oracle_price_atoms_per_lot,
            base_lots: row.base_lots,
            maker_settled_atoms: row.settled_atoms,
            sequence: 0,
            client_order_id: 0,
            maker_fee_atoms: 0,
        };
        self.fill_maker(&event.market, side, &fill);
        let balance = &mut self.seat(&event.market, row.seat_index).balance;
        balance.realised_atoms -= row.charged_atoms;
        balance.funding_checkpoint_scaled = event.funding_index_scaled;
        balance.loss_checkpoint_scaled = event.loss_index_before_scaled;
        self.market(&event.market).clearing += row.settled_atoms;
    }

    pub(super) fn deficit_recorded(&mut self, event: &DeficitRecorded) {
        let before = self.account(&event.margin_account).recorded_deficit;
        if before != event.before_atoms {
            self.fail(format!("a recorded deficit was {before}, not {}", event.before_atoms));
        }
        self.record(&event.exchange, &event.margin_account, event.after_atoms);
    }

    pub(super) fn loss_covered(&mut self, event: &LossCovered) {
        self.draw(&event.exchange, &event.market, event.from_market_atoms, event.from_fund_atoms);
        self.hold(&event.exchange, &event.market, -event.freed_atoms);
        let market = self.market(&event.market);
        let drawn = event.from_market_atoms + event.from_fund_atoms;
        market.net_swept -= drawn;
        market.losses.unassigned -= drawn;
        let left = market.losses.unassigned;
        if left != event.unassigned_after_atoms {
            self.fail(format!("{left} are unassigned, not {}", event.unassigned_after_atoms));
        }
    }

    pub(super) fn insurance_donated(&mut self, event: &InsuranceDonated) {
        let amount = i64::try_from(event.amount_atoms).unwrap_or(i64::MAX);
        if event.market != Pubkey::default() {
            self.market(&event.market).contributed += amount;
        }
        let exchange = self.exchange(&event.exchange);
        exchange.tokens += i128::from(event.amount_atoms);
        exchange.donated += amount;
        exchange.insurance += amount;
        let fund = exchange.insurance;
        if fund != event.fund_after_atoms {
            self.fail(format!("the fund has {fund}, not {}", event.fund_after_atoms));
        }
    }

    fn draw(&mut self, exchange: &Pubkey, market: &Pubkey, from_market: i64, from_fund: i64) {
        let exchange = self.exchange(exchange);
        exchange.insurance -= from_fund;
        exchange.drawn += from_fund;
        let market = self.market(market);
        market.insurance -= from_market;
        market.drawn += from_market + from_fund;
    }

    fn hold(&mut self, exchange: &Pubkey, market: &Pubkey, atoms: i64) {
        self.exchange(exchange).held += atoms;
        self.market(market).losses.held += atoms;
    }

    fn record(&mut self, exchange: &Pubkey, margin_account: &Pubkey, after: i64) {
        let before = std::mem::replace(&mut self.account(margin_account).recorded_deficit, after);
        self.exchange(exchange).deficits += after - before;
    }
}
