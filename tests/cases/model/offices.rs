//! Roles, proposals, delegates, and the beginning and end of accounts and markets: their calls, and what the accounts say of them.

use std::sync::Arc;

use solana_instruction::Instruction;
use solana_keypair::Keypair;
use solana_pubkey::Pubkey;
use solana_signer::Signer;
use taper::state::{Exchange, MarginAccount, Proposal, ProposalAction};
use taper_model::engine_world::changed;
use taper_model::op::{Key, Op, Proposed};
use taper_model::roles::State;
use taper_model::run::Session;
use taper_sdk::address;
use taper_sdk::instruction as ix;

use super::mirror::{Call, Mirror};

impl Mirror {
    /// The admin of now.
    pub fn admin(&self, session: &Session) -> Arc<Keypair> {
        self.keys[session.roles.admin].clone()
    }

    /// The guardian of now.
    pub fn guardian(&self, session: &Session) -> Arc<Keypair> {
        self.keys[session.roles.guardian].clone()
    }

    fn named(&self, key: Option<Key>) -> Pubkey {
        key.map_or_else(Pubkey::default, |key| self.keys[key].pubkey())
    }

    fn market_key(&self, market: Option<usize>) -> Option<Pubkey> {
        market.map(|market| self.places[market].keys.market)
    }

    /// The number of the account of a proposal; of one that was never made a number that comes later.
    fn account_of_proposal(&self, nth: usize) -> u64 {
        self.accounts_of_proposals.get(nth).copied().unwrap_or(u64::MAX)
    }

    /// The call of an operation of this kind.
    pub fn office(&self, session: &Session, op: &Op) -> Call {
        let exchange = self.venue.keys.exchange;
        let send =
            |instruction: Instruction, signer: Key| Call::Send(vec![instruction], vec![self.keys[signer].clone()]);
        match *op {
            Op::SignedBy { signer, ref op } => self.signed_by(session, signer, op),
            Op::SetDelegate { who, delegate } => {
                let (trader, delegate) = (&self.traders[who], delegate.map(|who| self.traders[who].key()));
                let call = ix::set_delegate(trader.key(), trader.margin, delegate.unwrap_or_default());
                Call::Send(vec![call], vec![trader.keypair.clone()])
            }
            Op::Reopen { who, always_full } => {
                let trader = &self.traders[who];
                let close = ix::close_margin_account(trader.key(), trader.margin);
                let open = ix::create_margin_account(trader.key(), exchange, 0, always_full);
                Call::Both([close, open], trader.keypair.clone())
            }
            Op::ByKey { key, ref op } => {
                let Call::Send(mut instructions, _) = self.call(session, op) else { unreachable!("{op:?}") };
                sign(&mut instructions[0], self.keys[key].pubkey());
                Call::Send(instructions, vec![self.keys[key].clone()])
            }
            Op::Propose { by, market, ref what, skip } => {
                let action = self.action(session, market, what);
                let index = self.proposals.saturating_add(skip);
                let call = ix::propose(self.keys[by].pubkey(), exchange, self.market_key(market), index, action);
                Call::Proposal(by, call)
            }
            Op::Apply { nth, market } => {
                let index = self.account_of_proposal(nth);
                Call::Send(vec![ix::apply_proposal(exchange, index, self.market_key(market), None)], Vec::new())
            }
            Op::CancelProposal { by, nth } => {
                send(ix::cancel_proposal(self.keys[by].pubkey(), exchange, self.account_of_proposal(nth)), by)
            }
            Op::CloseProposal { nth, to } => {
                let call = ix::close_proposal(exchange, self.account_of_proposal(nth), self.keys[to].pubkey());
                Call::Send(vec![call], Vec::new())
            }
            Op::Nominate { by, nominee } => {
                send(ix::nominate_admin(self.keys[by].pubkey(), exchange, self.named(nominee)), by)
            }
            Op::Accept { by } => send(ix::accept_admin(self.keys[by].pubkey(), exchange), by),
            Op::List { .. } => Call::List(session.engine.venues.len()),
            _ => unreachable!("no such office: {op:?}"),
        }
    }

    /// A call as if its signer were somebody else.
    fn signed_by(&self, session: &Session, signer: usize, op: &Op) -> Call {
        let trader = &self.traders[signer];
        match self.call(session, op) {
            Call::Send(mut instructions, _) => {
                sign(&mut instructions[0], trader.key());
                Call::Send(instructions, vec![trader.keypair.clone()])
            }
            Call::Both([mut close, open], _) => {
                sign(&mut close, trader.key());
                Call::Both([close, open], trader.keypair.clone())
            }
            _ => unreachable!("not signed by an owner: {op:?}"),
        }
    }

    fn action(&self, session: &Session, market: Option<usize>, what: &Proposed) -> ProposalAction {
        match *what {
            Proposed::Params(ref change) => {
                // Without a market it is refused, whatever the parameters say.
                let params = session.engine.venues[market.unwrap_or(0)].state.params;
                ProposalAction::Params { params: changed(&params, change) }
            }
            Proposed::WindDown => ProposalAction::WindDown,
            Proposed::Status(status) => ProposalAction::Status { status },
            Proposed::Guardian(key) => ProposalAction::Guardian { guardian: self.named(key) },
            Proposed::Timelock(timelock_slots) => ProposalAction::Timelock { timelock_slots },
        }
    }

    /// What accounts say of roles, proposals and delegates, and the auditor does not.
    pub fn roles_difference(&self, session: &Session) -> Option<String> {
        let (roles, exchange) = (&session.roles, self.venue.keys.exchange);
        let found: &Exchange = self.chain.load(&exchange).ok()?;
        let program = (found.admin, found.guardian, found.pending_admin, found.timelock_slots, found.proposal_count);
        let named = |key| self.named(Some(key));
        let expected = (
            named(roles.admin),
            named(roles.guardian),
            self.named(roles.nominee),
            roles.timelock_slots,
            self.proposals,
        );
        if program != expected {
            return Some(format!("roles: {program:?} in the program, for the auditor {expected:?}"));
        }
        for (who, delegate) in roles.delegates.iter().enumerate() {
            let account: &MarginAccount = self.chain.load(&self.traders[who].margin).ok()?;
            if account.delegate != delegate.map(|who| self.traders[who].key()).unwrap_or_default() {
                return Some(format!("account {who}: its delegate is not {delegate:?}"));
            }
        }
        (0..roles.proposals.len()).find_map(|nth| self.proposal_difference(session, nth))
    }

    fn proposal_difference(&self, session: &Session, nth: usize) -> Option<String> {
        let kept = &session.roles.proposals[nth];
        let key = address::proposal(&self.venue.keys.exchange, self.account_of_proposal(nth));
        let found = self.chain.load::<Proposal>(&key);
        if kept.is_closed {
            return found.is_ok().then(|| format!("proposal {nth} is not closed"));
        }
        let Ok(found) = found else { return Some(format!("proposal {nth} is gone")) };
        let state = match kept.state {
            State::Pending => 0,
            State::Applied => 1,
            State::Cancelled => 2,
        };
        let program = (found.state, found.ready_slot, found.expires_slot, found.market, found.proposer);
        let market = self.market_key(kept.market).unwrap_or_default();
        let expected = (state, kept.ready_slot, kept.expires_slot, market, self.named(Some(kept.proposer)));
        let same_params = kept.params.as_ref().is_none_or(|params| found.params == **params);
        (program != expected || !same_params)
            .then(|| format!("proposal {nth}: {program:?} in the program, for the auditor {expected:?}"))
    }
}

/// The authority is the first account that signs.
fn sign(instruction: &mut Instruction, key: Pubkey) {
    let authority = instruction.accounts.iter_mut().find(|meta| meta.is_signer);
    authority.expect("somebody signs").pubkey = key;
}
