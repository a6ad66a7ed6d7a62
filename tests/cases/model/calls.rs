//! From an operation of the model to a call of the program, with the accounts that somebody would find for it.

use std::sync::Arc;

use solana_instruction::{AccountMeta, Instruction};
use solana_keypair::Keypair;
use solana_pubkey::Pubkey;
use solana_signer::Signer;
use taper::instructions::{CancelAllOrdersArgs, CancelOrderArgs, LiquidateArgs, PlaceOrderArgs, TightenLimitsArgs};
use taper::state::ProposalAction;
use taper_engine::quantity::Side;
use taper_model::engine_world::{changed, expiry};
use taper_model::op::{Change, Op, Oracles, Order, Slice};
use taper_model::run::Session;
use taper_sdk::instruction as ix;
use taper_sdk::instruction::{MarketKeys, Payout};
use taper_sdk::legs::Leg;

use super::mirror::{Call, Mirror};

fn order_args(order: &Order, slot: u64) -> PlaceOrderArgs {
    PlaceOrderArgs {
        side: order.side,
        kind: order.kind,
        price_atoms_per_lot: order.price,
        size_base_lots: order.lots,
        reduce_only: order.reduce_only,
        client_order_id: 0,
        expires_at_slot: expiry(slot, order.expires_in),
        self_trade: order.self_trade,
    }
}

fn tightening(change: &Change) -> TightenLimitsArgs {
    TightenLimitsArgs {
        open_interest_cap_base_lots: change.open_interest_cap,
        position_cap_atoms: change.position_cap,
        sweep_cap_atoms: change.sweep_cap,
        insurance_draw_cap_atoms: change.draw_cap,
        insurance_grant_atoms: change.grant,
    }
}

impl Mirror {
    fn oracle(&self, market: usize, oracles: Oracles) -> Pubkey {
        let place = &self.places[market];
        if oracles >> market & 1 == 1 {
            place.other
        } else {
            place.keys.oracle
        }
    }

    fn keys(&self, market: usize, oracles: Oracles) -> MarketKeys {
        MarketKeys { oracle: self.oracle(market, oracles), ..self.places[market].keys }
    }

    /// The markets of an account's legs but one.
    fn legs_of(session: &Session, who: usize, but: Option<usize>) -> impl Iterator<Item = usize> + '_ {
        let held = session.engine.accounts[who].positions.iter().flatten();
        held.map(|(market, _)| *market).filter(move |market| Some(*market) != but)
    }

    fn legs(&self, session: &Session, who: usize, but: Option<usize>, oracles: Oracles) -> Vec<Leg> {
        let leg = |market: usize| Leg { market: self.places[market].keys.market, oracle: self.oracle(market, oracles) };
        Self::legs_of(session, who, but).map(leg).collect()
    }

    /// Metas of all legs, those in the mask writable.
    fn swept(&self, session: &Session, who: usize, writable: u8, oracles: Oracles) -> Vec<AccountMeta> {
        let metas = |market: usize| {
            let key = self.places[market].keys.market;
            let is_swept = writable >> market & 1 == 1;
            let leg = if is_swept { AccountMeta::new(key, false) } else { AccountMeta::new_readonly(key, false) };
            [leg, AccountMeta::new_readonly(self.oracle(market, oracles), false)]
        };
        Self::legs_of(session, who, None).flat_map(metas).collect()
    }

    fn slice_args(&self, session: &Session, who: usize, market: usize, slice: &Slice) -> LiquidateArgs {
        let base = |seat: u32| session.engine.venues[market].state.seats.get(seat).map_or(0, |row| row.base_lots);
        let held = session.engine.seat_in(who, market).map_or(0, base);
        LiquidateArgs {
            max_base_lots: slice.max,
            expected_base_lots: slice.expected.unwrap_or(held),
            min_payout_atoms: slice.min_payout,
            deadline_slot: session.outside.slot.saturating_add_signed(slice.deadline_in),
        }
    }

    /// The call of an operation, on the session before it.
    pub fn call(&self, session: &Session, op: &Op) -> Call {
        let by = |who: usize| vec![self.traders[who].keypair.clone()];
        let nobody = Vec::new;
        let (instruction, signers): (Instruction, Vec<Arc<Keypair>>) = match *op {
            Op::Clock { .. } | Op::Publish { .. } | Op::AlwaysFullClose { .. } => return Call::Outside(op.clone()),
            Op::ChangeParams { market, ref change } => {
                let params = changed(&session.engine.venues[market].state.params, change);
                return Call::Propose(market, Box::new(ProposalAction::Params { params }));
            }
            Op::WindDown { market } => return Call::Propose(market, Box::new(ProposalAction::WindDown)),
            Op::Relist { market, .. } => return Call::Relist(market),
            Op::Deposit { .. } | Op::Withdraw { .. } | Op::Donate { .. } => return self.cash(session, op),
            Op::Slice { .. } | Op::Absorb { .. } => return self.liquidation(session, op),
            Op::SetStatus { .. } | Op::Tighten { .. } => return self.roles(session, op),
            Op::SignedBy { .. }
            | Op::SetDelegate { .. }
            | Op::Reopen { .. }
            | Op::ByKey { .. }
            | Op::Propose { .. }
            | Op::Apply { .. }
            | Op::CancelProposal { .. }
            | Op::CloseProposal { .. }
            | Op::Nominate { .. }
            | Op::Accept { .. }
            | Op::List { .. } => return self.office(session, op),
            Op::SetParams { .. } => unreachable!("part of a proposal that is applied"),
            Op::Place { who, market, ref order, oracles } => {
                let legs = self.legs(session, who, Some(market), oracles);
                let args = order_args(order, session.outside.slot);
                let trader = &self.traders[who];
                (ix::place_order(trader.key(), &self.keys(market, oracles), trader.margin, args, &legs), by(who))
            }
            Op::Cancel { who, market, side, nth } => {
                let book = &session.engine.venues[market].book;
                let orders = if side == 0 { book.orders(Side::Bid) } else { book.orders(Side::Ask) };
                let named = orders.iter().rev().nth(nth).map(|order| (order.price_atoms_per_lot, order.sequence));
                let (price_atoms_per_lot, sequence) = named.unwrap_or((1, u64::MAX));
                let args = CancelOrderArgs { side, price_atoms_per_lot, sequence };
                let trader = &self.traders[who];
                (ix::cancel_order(trader.key(), &self.keys(market, 0), trader.margin, args), by(who))
            }
            Op::CancelAll { who, market, side, limit } => {
                let (trader, args) = (&self.traders[who], CancelAllOrdersArgs { side, limit });
                (ix::cancel_all_orders(trader.key(), &self.keys(market, 0), trader.margin, args), by(who))
            }
            Op::ForceCancel { who, market, limit, oracles } => {
                let legs = self.legs(session, who, Some(market), oracles);
                let margin = self.traders[who].margin;
                (ix::force_cancel_orders(&self.keys(market, oracles), margin, limit, &legs), nobody())
            }
            Op::ReleaseSeat { who, market } => {
                (ix::release_seat(self.places[market].keys.market, self.traders[who].margin), nobody())
            }
            Op::SettleLoss { who, market, oracles } => {
                (ix::settle_loss(&self.keys(market, oracles), self.traders[who].margin), nobody())
            }
            Op::Sample { market, oracles } => (ix::update_funding(&self.keys(market, oracles)), nobody()),
            Op::Flag { who, market, oracles } => {
                let legs = self.legs(session, who, Some(market), oracles);
                (ix::flag_account(&self.keys(market, oracles), self.traders[who].margin, &legs), nobody())
            }
            Op::Resolve { who, market, oracles } => {
                let legs = self.legs(session, who, Some(market), oracles);
                (ix::resolve_account(&self.keys(market, oracles), self.traders[who].margin, &legs), nobody())
            }
            Op::RecordDeficit { who, oracles } => {
                let legs = self.legs(session, who, None, oracles);
                (ix::record_deficit(self.venue.keys.exchange, self.traders[who].margin, &legs), nobody())
            }
            Op::CoverLoss { market } => {
                (ix::cover_loss(self.venue.keys.exchange, self.places[market].keys.market), nobody())
            }
            Op::SweepIncome { market } => {
                (ix::sweep_market_income(self.venue.keys.exchange, self.places[market].keys.market), nobody())
            }
            Op::AdvanceRamp { market } => (ix::advance_ramp(self.places[market].keys.market), nobody()),
            Op::SettleMarket { market, oracles } => (ix::settle_market(&self.keys(market, oracles)), nobody()),
        };
        Call::Send(vec![instruction], signers)
    }

    fn cash(&self, session: &Session, op: &Op) -> Call {
        let keys = &self.venue.keys;
        let (instruction, signer) = match *op {
            Op::Deposit { who, amount, legs, writable, oracles } => {
                let trader = &self.traders[who];
                let mut call = ix::deposit(trader.key(), keys, trader.margin, trader.token_account, amount, &[]);
                if legs {
                    call.accounts.extend(self.swept(session, who, writable, oracles));
                }
                (call, trader.keypair.clone())
            }
            Op::Withdraw { who, amount, writable, oracles } => {
                let trader = &self.traders[who];
                let mut call = ix::withdraw(trader.key(), keys, trader.margin, trader.token_account, amount, &[]);
                call.accounts.extend(self.swept(session, who, writable, oracles));
                (call, trader.keypair.clone())
            }
            Op::Donate { market, amount } => {
                let (donor, market) = (&self.stranger, market.map(|market| self.places[market].keys.market));
                let call = ix::donate_insurance(donor.key(), keys, market, donor.token_account, amount);
                (call, donor.keypair.clone())
            }
            _ => unreachable!("not about cash: {op:?}"),
        };
        Call::Send(vec![instruction], vec![signer])
    }

    fn liquidation(&self, session: &Session, op: &Op) -> Call {
        let (instruction, signer) = match *op {
            Op::Slice { who, market, to, ref slice, oracles } => {
                let (caller, payout) = match to {
                    Some(to) => (&self.traders[to], Payout::Credit { margin_account: self.traders[to].margin }),
                    None => {
                        let token_account = self.stranger.token_account;
                        (&self.stranger, Payout::Tokens { token_account, keys: self.venue.keys })
                    }
                };
                let legs = self.legs(session, who, Some(market), oracles);
                let (keys, margin) = (self.keys(market, oracles), self.traders[who].margin);
                let args = self.slice_args(session, who, market, slice);
                (ix::partial_liquidate(caller.key(), &keys, margin, &payout, args, &legs), caller)
            }
            Op::Absorb { who, market, by, ref slice, oracles } => {
                let legs = self.legs(session, who, Some(market), oracles);
                let own = self.legs(session, by, Some(market), oracles);
                let (keys, absorber) = (self.keys(market, oracles), &self.traders[by]);
                let args = self.slice_args(session, who, market, slice);
                let margin = self.traders[who].margin;
                (ix::absorb(absorber.key(), &keys, margin, absorber.margin, args, &legs, &own), absorber)
            }
            _ => unreachable!("no liquidation: {op:?}"),
        };
        Call::Send(vec![instruction], vec![signer.keypair.clone()])
    }

    fn roles(&self, session: &Session, op: &Op) -> Call {
        let (admin, guardian, exchange) = (self.admin(session), self.guardian(session), self.venue.keys.exchange);
        let key = |market: usize| self.places[market].keys.market;
        match *op {
            Op::SetStatus { market, status, both: true } => {
                let call = ix::set_status_jointly(admin.pubkey(), guardian.pubkey(), exchange, market.map(key), status);
                Call::Send(vec![call], vec![admin, guardian])
            }
            Op::SetStatus { market, status, both: false } => {
                let call = ix::set_status(guardian.pubkey(), exchange, market.map(key), status);
                Call::Send(vec![call], vec![guardian])
            }
            Op::Tighten { market, ref change } => {
                let call = ix::tighten_limits(guardian.pubkey(), exchange, key(market), tightening(change));
                Call::Send(vec![call], vec![guardian])
            }
            _ => unreachable!("not for a role: {op:?}"),
        }
    }
}
