//! A price that is published on and on.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use solana_account::Account;
use solana_pubkey::Pubkey;
use solana_rpc_client::rpc_client::RpcClient;
use taper_sdk::pyth::{pull_account, PublishedPrice, Verification, PYTH_PULL};

use crate::node::{client, now, set_account, Ports};

/// Between two publications: Pyth's own publishers are as fast.
const PERIOD: Duration = Duration::from_millis(400);
/// Pyth's mantissas for one atom per lot: eight decimals, with a quote of six and lots of a hundredth.
const MANTISSA_PER_ATOM: i64 = 10_000;

struct Shared {
    ports: Ports,
    account: Pubkey,
    feed: [u8; 32],
    /// Also the lock that keeps an old price from being written over a new one.
    price_atoms_per_lot: Mutex<i64>,
    is_over: AtomicBool,
}

/// Publishes a price until it is dropped, with the chain's own time, as a pull account.
pub struct Feed {
    shared: Arc<Shared>,
    publisher: Option<JoinHandle<()>>,
}

impl Feed {
    /// Publishes it, and keeps doing so.
    pub fn start(ports: Ports, account: Pubkey, feed: [u8; 32], price_atoms_per_lot: i64) -> Self {
        let price_atoms_per_lot = Mutex::new(price_atoms_per_lot);
        let shared = Arc::new(Shared { ports, account, feed, price_atoms_per_lot, is_over: AtomicBool::new(false) });
        publish(&client(ports), &shared, None).unwrap();
        let own = Arc::clone(&shared);
        let publisher = std::thread::spawn(move || {
            while !own.is_over.load(Ordering::Relaxed) {
                // A node that is being killed answers nothing: the next one will. A new client, for the old one keeps connections to a dead node.
                let rpc = client(own.ports);
                while !own.is_over.load(Ordering::Relaxed) && publish(&rpc, &own, None).is_ok() {
                    std::thread::sleep(PERIOD);
                }
                std::thread::sleep(PERIOD);
            }
        });
        Self { shared, publisher: Some(publisher) }
    }

    /// Another price, from now on.
    pub fn set(&self, price_atoms_per_lot: i64) {
        publish(&client(self.shared.ports), &self.shared, Some(price_atoms_per_lot)).unwrap();
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::Relaxed);
        if let Some(publisher) = self.publisher.take() {
            let _ = publisher.join();
        }
    }
}

fn publish(rpc: &RpcClient, shared: &Shared, new: Option<i64>) -> Result<(), String> {
    let mut price = shared.price_atoms_per_lot.lock().map_err(|error| error.to_string())?;
    *price = new.unwrap_or(*price);
    let now = now(rpc)?;
    let mantissa = *price * MANTISSA_PER_ATOM;
    let published = PublishedPrice {
        price: mantissa,
        confidence: (mantissa / 2_000).unsigned_abs(),
        exponent: -8,
        ema_price: mantissa,
        ema_confidence: 0,
        publish_time_seconds: now.seconds,
        previous_publish_time_seconds: now.seconds - 1,
        slot: now.slot,
    };
    let data = pull_account(&published, &shared.feed, Verification::Full, &[0; 32]);
    let account = Account { lamports: 30_000_000, data, owner: PYTH_PULL, executable: false, rent_epoch: u64::MAX };
    set_account(rpc, &shared.account, &account)
}
