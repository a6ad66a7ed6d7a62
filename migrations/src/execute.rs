//! Reads a cluster, and carries a step out: one transaction a step.

use anyhow::{bail, ensure, Context, Result};
use serde_json::json;
use solana_instruction::Instruction;
use solana_keypair::Keypair;
use solana_pubkey::Pubkey;
use solana_signer::Signer;
use taper_client::cluster::Cluster;
use taper_client::{Client, Fees, Landed, RpcRequest};
use taper_sdk::account::copied;
use taper_sdk::amount::show;
use taper_sdk::instruction::{self, Listing, MarketKeys};
use taper_sdk::state::{Exchange, Market, OrderBook, Proposal};
use taper_sdk::{address, PROGRAM_ID};

use crate::desired::{ClusterName, Desired, DesiredMarket};
use crate::plan::{Action, Actual, Step};

/// Bytes of the vault, of the older token program; a newer one may cost a little more.
const TOKEN_ACCOUNT_LEN: usize = 165;
/// Fees of a step: three signatures, and what a transaction may bid for its place.
const LAMPORTS_PER_STEP: u64 = 50_000;
const SOL_DECIMALS: i32 = 9;

/// The connection, the signer, and what is to be reached.
pub struct Migration<'a> {
    /// The cluster.
    pub client: &'a Client,
    /// Pays and signs.
    pub signer: &'a Keypair,
    /// What is to be reached.
    pub desired: &'a Desired,
    /// Price of a compute unit.
    pub fees: Fees,
}

impl Migration<'_> {
    /// Address of the exchange.
    pub fn exchange(&self) -> Pubkey {
        address::exchange(&self.desired.exchange.creator, self.desired.exchange.index)
    }

    /// Refuses a cluster that the file is not for.
    ///
    /// # Errors
    /// It is another; the program is not there.
    pub async fn check_cluster(&self) -> Result<()> {
        let is = self.client.cluster().await?;
        let want = match self.desired.cluster {
            ClusterName::MainnetBeta => Cluster::Mainnet,
            ClusterName::Devnet => Cluster::Devnet,
            ClusterName::Testnet => Cluster::Testnet,
            ClusterName::Local => Cluster::Other,
        };
        ensure!(is == want, "the file is for {}, the node belongs to {}: wrong cluster", want.name(), is.name());
        self.client.require_program().await.context("wrong --url?")
    }

    /// Reads the cluster.
    ///
    /// # Errors
    /// The node's; accounts of another version.
    pub async fn read(&self) -> Result<Actual> {
        let key = self.exchange();
        let slot = self.client.now().await?.slot;
        let Some(row) = self.client.account(&key).await? else { return Ok(Actual { slot, ..Actual::default() }) };
        ensure!(row.owner == PROGRAM_ID, "account {key} is not an exchange of the program");
        let exchange = copied::<Exchange>(&row.data).with_context(|| format!("exchange {key}"))?;
        let world = self.client.world(key, &[]).await?;
        let market = |key: &Pubkey| {
            let found = world.get::<Market>(key).with_context(|| format!("market {key} is of another version"))?;
            Ok((*key, found))
        };
        let markets = world.markets.iter().map(market).collect::<Result<_>>()?;
        let listed = self.client.proposals(&key).await?;
        let proposal = |(key, row): (&Pubkey, &taper_client::Fetched)| {
            let found = copied::<Proposal>(&row.data).with_context(|| format!("proposal {key}"))?;
            Ok((*key, found))
        };
        let proposals = listed.rows.iter().map(proposal).collect::<Result<_>>()?;
        Ok(Actual { slot: world.now.slot, exchange: Some(exchange), markets, proposals })
    }

    /// Refuses a signer who may not do what the plan has.
    ///
    /// # Errors
    /// It is not the admin, or not the creator of an exchange to be created.
    pub fn check_signer(&self, actual: &Actual, steps: &[Step]) -> Result<()> {
        let signer = self.signer.pubkey();
        let Some(exchange) = &actual.exchange else {
            let creator = self.desired.exchange.creator;
            ensure!(signer == creator, "the exchange is created by {creator}, the keypair is {signer}");
            return Ok(());
        };
        let needs_admin = steps.iter().any(|step| step.action.needs_admin());
        ensure!(!needs_admin || signer == exchange.admin, "the admin is {}, the keypair is {signer}", exchange.admin);
        Ok(())
    }

    /// Refuses a signer who cannot pay what the plan's accounts cost.
    ///
    /// # Errors
    /// It has too few lamports; the node's.
    pub async fn check_funds(&self, steps: &[Step]) -> Result<()> {
        let mut needed = 0u64;
        for step in steps.iter().filter(|step| step.action.is_executable()) {
            let spaces: &[usize] = match &step.action {
                Action::CreateExchange => &[Exchange::SPACE, TOKEN_ACCOUNT_LEN],
                Action::CreateMarket(_) => &[Market::SPACE, OrderBook::SPACE],
                Action::Propose { .. } => &[Proposal::SPACE],
                _ => &[],
            };
            for space in spaces {
                let rent = self.client.request(RpcRequest::GetMinimumBalanceForRentExemption, json!([space]));
                needed = needed.saturating_add(rent.await?);
            }
            needed = needed.saturating_add(LAMPORTS_PER_STEP);
        }
        let (signer, held) = (self.signer.pubkey(), self.client.balance(&self.signer.pubkey()).await?);
        let sol = |lamports: u64| show(lamports.into(), SOL_DECIMALS);
        ensure!(
            held >= needed,
            "{signer} has {} SOL, the plan needs about {} for the rent of its accounts and fees: fund it first. Nothing was sent",
            sol(held),
            sol(needed)
        );
        Ok(())
    }

    /// Carries one step out.
    ///
    /// # Errors
    /// The transaction's.
    pub async fn execute(&self, step: &Step) -> Result<Landed> {
        let (payer, exchange) = (self.signer.pubkey(), self.exchange());
        let built = match &step.action {
            Action::CreateExchange => self.create_exchange().await?,
            Action::CreateMarket(market) => return self.create_market(market).await,
            Action::Tighten { market, status } => instruction::set_status(payer, exchange, *market, *status),
            Action::Propose { market, action } => {
                // Read anew: every proposal before it has taken a number.
                let row = self.client.account(&exchange).await?.context("the exchange is gone")?;
                let index = copied::<Exchange>(&row.data)?.proposal_count;
                instruction::propose(payer, exchange, *market, index, **action)
            }
            Action::Apply { index, market, oracle } => instruction::apply_proposal(exchange, *index, *market, *oracle),
            Action::Nominate { nominee } => instruction::nominate_admin(payer, exchange, *nominee),
            Action::Wait { .. } | Action::WaitForAdmin { .. } | Action::Held | Action::Conflict => {
                bail!("nothing can be done about it now: {}", step.text)
            }
        };
        Ok(self.client.transact(&payer, &[built], &[self.signer], self.fees).await?)
    }

    async fn create_exchange(&self) -> Result<Instruction> {
        let want = &self.desired.exchange;
        let mint = self.client.account(&want.quote_mint).await?;
        let mint = mint.with_context(|| format!("there is no mint {} on this cluster", want.quote_mint))?;
        // Decimals are at the same place in both token programs.
        let decimals = mint.data.get(44).copied().context("the quote mint is no mint")?;
        ensure!(
            decimals == want.quote_decimals,
            "the quote mint has {decimals} decimals, the file says {}: every amount in it would mean another",
            want.quote_decimals
        );
        let payer = self.signer.pubkey();
        let (guardian, timelock) = (want.guardian, want.timelock_slots);
        Ok(instruction::initialize_exchange(payer, want.index, guardian, timelock, want.quote_mint, mint.owner))
    }

    /// The key pair of an account of a market: always the same for one signer, so that a listing whose outcome is not known cannot be done twice.
    /// A signature that is never shown is its seed.
    fn keypair_of(&self, what: &str, market: &DesiredMarket) -> Result<Keypair> {
        let exchange = self.exchange();
        let message = [b"taper-migrate", what.as_bytes(), exchange.as_ref(), &market.name_bytes].concat();
        let signature = self.signer.try_sign_message(&message)?;
        let seed = signature.as_ref().first_chunk::<32>().context("a signature has 64 bytes")?;
        Ok(Keypair::new_from_array(*seed))
    }

    /// Both accounts and the listing in one transaction: none of them can be there without the others.
    async fn create_market(&self, want: &DesiredMarket) -> Result<Landed> {
        let payer = self.signer.pubkey();
        let (market, book) = (self.keypair_of("market", want)?, self.keypair_of("book", want)?);
        let keys = MarketKeys {
            exchange: self.exchange(),
            market: market.pubkey(),
            order_book: book.pubkey(),
            oracle: want.oracle.account,
        };
        let listing = Listing {
            params: want.params,
            oracle_kind: want.oracle.kind,
            oracle_key: want.oracle.key,
            name: want.name_bytes,
        };
        let instructions = [
            instruction::create_zeroed_account(&payer, &keys.market, Market::SPACE),
            instruction::create_zeroed_account(&payer, &keys.order_book, OrderBook::SPACE),
            instruction::create_market(payer, &keys, &listing),
        ];
        let landed = self.client.transact(&payer, &instructions, &[self.signer, &market, &book], self.fees).await;
        landed.with_context(|| format!("listing {} (is its oracle account {} live?)", want.name, want.oracle.account))
    }
}
