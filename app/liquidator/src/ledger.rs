//! What the bot has earned, from the program's events: a confirmed transaction counts by what its log says, not by what was planned.

use std::collections::HashSet;

use solana_pubkey::Pubkey;
use taper::events::SliceReport;
use taper_sdk::event::{from_logs, Event};

/// A slice of this bot, as the chain tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Earned {
    /// The market.
    pub market: Pubkey,
    /// The liquidatee.
    pub margin_account: Pubkey,
    /// Lots closed.
    pub base_lots: i64,
    /// Notional at the oracle price.
    pub notional_atoms: i64,
    /// Paid to the bot: its part of the penalty, and the tip.
    pub payout_atoms: i64,
    /// Gained against the oracle price by an absorbed slice, insurance's part of a discount off; negative where it paid more.
    pub discount_atoms: i64,
    /// True if it was absorbed.
    pub absorbed: bool,
}

/// What a caller earned in a transaction, by its log. Only what the program itself has logged counts, and nothing of a failed transaction.
pub fn earned(logs: &[String], caller: &Pubkey, own_margin_account: Option<&Pubkey>) -> Vec<Earned> {
    let entry = |market, margin_account, report: &SliceReport, absorbed| Earned {
        market,
        margin_account,
        base_lots: report.base_lots,
        notional_atoms: report.base_lots.saturating_mul(report.oracle_price_atoms_per_lot),
        payout_atoms: report.caller_payout_atoms,
        discount_atoms: if absorbed { crate::decide::gained_atoms(report) } else { 0 },
        absorbed,
    };
    let emitted = from_logs(logs).events.into_iter();
    emitted
        .filter_map(|emitted| match emitted.event {
            Event::Sliced(slice) if slice.caller == *caller => {
                Some(entry(slice.market, slice.margin_account, &slice.report, false))
            }
            Event::Absorbed(slice) if Some(&slice.absorber) == own_margin_account => {
                Some(entry(slice.market, slice.margin_account, &slice.report, true))
            }
            _ => None,
        })
        .collect()
}

/// Sums over the bot's life.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    /// Slices that landed.
    pub slices: u64,
    /// Lots closed.
    pub base_lots: i64,
    /// Paid to the bot.
    pub payout_atoms: i64,
    /// Gained against the oracle by absorbing.
    pub discount_atoms: i64,
    /// Fees, of everything that landed, refused on chain or not.
    pub fee_lamports: u64,
    seen: HashSet<[u8; 64]>,
}

impl Ledger {
    /// Enters a transaction that landed, once: by its signature. Returns false if it was there.
    pub fn enter(&mut self, signature: [u8; 64], fee_lamports: u64, earned: &[Earned]) -> bool {
        if !self.seen.insert(signature) {
            return false;
        }
        self.fee_lamports = self.fee_lamports.saturating_add(fee_lamports);
        for slice in earned {
            self.slices += 1;
            self.base_lots = self.base_lots.saturating_add(slice.base_lots);
            self.payout_atoms = self.payout_atoms.saturating_add(slice.payout_atoms);
            self.discount_atoms = self.discount_atoms.saturating_add(slice.discount_atoms);
        }
        true
    }

    /// Earned less fees, at this price of a SOL.
    pub fn profit_atoms(&self, quote_atoms_per_sol: i64) -> i64 {
        let gross = self.payout_atoms.saturating_add(self.discount_atoms);
        gross.saturating_sub(crate::decide::lamports_in_atoms(self.fee_lamports, quote_atoms_per_sol))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use anchor_lang::{AnchorDeserialize, Event as _};
    use base64::prelude::{Engine, BASE64_STANDARD};
    use taper::events::{SeatBalance, Sliced};

    fn sliced(caller: u8, payout: i64) -> Sliced {
        let report: SliceReport = AnchorDeserialize::deserialize(&mut [0u8; 200].as_slice()).unwrap();
        let report =
            SliceReport { base_lots: 3, oracle_price_atoms_per_lot: 100, caller_payout_atoms: payout, ..report };
        Sliced {
            market: Pubkey::new_from_array([1; 32]),
            margin_account: Pubkey::new_from_array([2; 32]),
            seat_index: 0,
            caller: Pubkey::new_from_array([caller; 32]),
            payout_to: Pubkey::new_from_array([caller; 32]),
            credited: true,
            report,
            seat_after: SeatBalance::default(),
            cash_after_atoms: 0,
        }
    }

    fn logs(program: &Pubkey, event: &Sliced) -> Vec<String> {
        vec![
            format!("Program {program} invoke [1]"),
            "Program log: Instruction: PartialLiquidate".into(),
            format!("Program data: {}", BASE64_STANDARD.encode(event.data())),
            format!("Program {program} success"),
        ]
    }

    #[test]
    fn only_the_programs_own_word_counts_and_only_for_the_caller() {
        let me = Pubkey::new_from_array([7; 32]);
        let found = earned(&logs(&taper_sdk::PROGRAM_ID, &sliced(7, 42)), &me, None);
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].payout_atoms, found[0].notional_atoms, found[0].absorbed), (42, 300, false));
        assert_eq!(earned(&logs(&taper_sdk::PROGRAM_ID, &sliced(8, 42)), &me, None), []);
        assert_eq!(earned(&logs(&Pubkey::new_from_array([3; 32]), &sliced(7, 42)), &me, None), []);
    }

    #[test]
    fn a_transaction_is_entered_once() {
        let me = Pubkey::new_from_array([7; 32]);
        let found = earned(&logs(&taper_sdk::PROGRAM_ID, &sliced(7, 42)), &me, None);
        let mut ledger = Ledger::default();
        assert!(ledger.enter([1; 64], 5_000, &found));
        assert!(!ledger.enter([1; 64], 5_000, &found));
        assert!(ledger.enter([2; 64], 5_000, &[]));
        assert_eq!((ledger.slices, ledger.payout_atoms, ledger.fee_lamports), (1, 42, 10_000));
        // 10,000 lamports at 100 dollars a SOL are a tenth of a cent.
        assert_eq!(ledger.profit_atoms(100_000_000), 42 - 1_000);
    }
}
