//! An exchange as far as a client needs it: itself, its markets, their books and oracles, and the clock.

use core::mem::offset_of;

use solana_pubkey::{pubkey, Pubkey};
use taper_sdk::account::{copied, decode_owned, ProgramAccount};
use taper_sdk::find::Finder;
use taper_sdk::snapshot::{Accounts, RawAccount};
use taper_sdk::state::{Exchange, MarginAccount, Market, Proposal};
use taper_sdk::{Now, PROGRAM_ID};

use crate::{Client, Filter, RpcFault, Snapshot};

/// The clock.
const CLOCK: Pubkey = pubkey!("SysvarC1ock11111111111111111111111111111111");
/// Bytes before an account's body.
const DISCRIMINATOR: usize = 8;

/// An exchange and its markets at one time.
#[derive(Clone)]
pub struct World {
    /// The exchange.
    pub exchange: Pubkey,
    /// Its markets, by address.
    pub markets: Vec<Pubkey>,
    /// The accounts.
    pub snapshot: Snapshot,
    /// The clock.
    pub now: Now,
}

impl Accounts for World {
    fn account(&self, key: &Pubkey) -> Option<RawAccount<'_>> {
        self.snapshot.account(key)
    }
}

impl World {
    /// Finds addresses and builds instructions.
    pub fn finder(&self) -> Finder<'_, Self> {
        Finder::new(self)
    }

    /// A copy of an account of the program, if it is at hand and decodes.
    pub fn get<T: ProgramAccount>(&self, key: &Pubkey) -> Option<Box<T>> {
        let row = self.snapshot.rows.get(key).filter(|row| row.owner == PROGRAM_ID)?;
        copied(&row.data).ok()
    }
}

fn kind<T: ProgramAccount>() -> Filter {
    Filter { offset: 0, bytes: T::DISCRIMINATOR.to_vec() }
}

fn of_exchange<T: ProgramAccount>(offset: usize, exchange: &Pubkey) -> [Filter; 2] {
    [kind::<T>(), Filter { offset: DISCRIMINATOR + offset, bytes: exchange.to_bytes().to_vec() }]
}

impl Client {
    /// All exchanges of the program.
    ///
    /// # Errors
    /// [`RpcFault`].
    pub async fn exchanges(&self) -> Result<Snapshot, RpcFault> {
        self.program_accounts(&PROGRAM_ID, &[kind::<Exchange>()]).await
    }

    /// The margin accounts of an exchange, of one owner or of all.
    ///
    /// # Errors
    /// [`RpcFault`].
    pub async fn margin_accounts(&self, exchange: &Pubkey, authority: Option<&Pubkey>) -> Result<Snapshot, RpcFault> {
        let mut filters = of_exchange::<MarginAccount>(offset_of!(MarginAccount, exchange), exchange).to_vec();
        if let Some(authority) = authority {
            let offset = DISCRIMINATOR + offset_of!(MarginAccount, authority);
            filters.push(Filter { offset, bytes: authority.to_bytes().to_vec() });
        }
        self.program_accounts(&PROGRAM_ID, &filters).await
    }

    /// The proposals of an exchange.
    ///
    /// # Errors
    /// [`RpcFault`].
    pub async fn proposals(&self, exchange: &Pubkey) -> Result<Snapshot, RpcFault> {
        self.program_accounts(&PROGRAM_ID, &of_exchange::<Proposal>(offset_of!(Proposal, exchange), exchange)).await
    }

    /// The clock of the newest block.
    ///
    /// # Errors
    /// [`RpcFault`].
    pub async fn now(&self) -> Result<Now, RpcFault> {
        now_of(&self.accounts(&[CLOCK]).await?)
    }

    /// An exchange with its markets, their books and oracles, and `also`: margin accounts, a vault. What prices and positions depend on is read
    /// in one request, unless it takes more than a hundred accounts.
    ///
    /// # Errors
    /// [`RpcFault`].
    pub async fn world(&self, exchange: Pubkey, also: &[Pubkey]) -> Result<World, RpcFault> {
        let listed =
            self.program_accounts(&PROGRAM_ID, &of_exchange::<Market>(offset_of!(Market, exchange), &exchange)).await?;
        let markets: Vec<Pubkey> = listed.rows.keys().copied().collect();
        let mut keys = vec![CLOCK, exchange];
        keys.extend(also);
        for (key, row) in &listed.rows {
            if let Ok(market) = decode_owned::<Market>(&row.owner, &row.data) {
                let push_account = (market.oracle_kind == 0).then_some(market.oracle_key);
                keys.extend([*key, market.order_book, push_account.unwrap_or(market.oracle_account)]);
            }
        }
        keys.sort();
        keys.dedup();
        let snapshot = self.accounts(&keys).await?;
        let now = now_of(&snapshot)?;
        Ok(World { exchange, markets, snapshot, now })
    }
}

/// Slot at 0, Unix seconds at 32.
fn now_of(snapshot: &Snapshot) -> Result<Now, RpcFault> {
    let clock = snapshot.rows.get(&CLOCK).and_then(|row| {
        let slot = row.data.first_chunk::<8>()?;
        let seconds = row.data.get(32..)?.first_chunk::<8>()?;
        Some(Now { slot: u64::from_le_bytes(*slot), seconds: i64::from_le_bytes(*seconds) })
    });
    let reason = "the clock is missing or too short".to_owned();
    clock.ok_or(RpcFault::Nonsense { request: "getMultipleAccounts".to_owned(), reason })
}
