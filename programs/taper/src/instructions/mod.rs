//! One file an instruction: its accounts, its arguments, its handler.

mod absorb;
mod cancel_all_orders;
mod cancel_order;
mod close_margin_account;
mod create_margin_account;
mod create_market;
mod deposit;
mod flag_account;
mod force_cancel_orders;
mod initialize_exchange;
mod partial_liquidate;
mod place_order;
mod release_seat;
mod set_delegate;
mod set_status;
mod settle_loss;
mod sweep_market_income;
mod withdraw;

pub use absorb::*;
pub use cancel_all_orders::*;
pub use cancel_order::*;
pub use close_margin_account::*;
pub use create_margin_account::*;
pub use create_market::*;
pub use deposit::*;
pub use flag_account::*;
pub use force_cancel_orders::*;
pub use initialize_exchange::*;
pub use partial_liquidate::*;
pub use place_order::*;
pub use release_seat::*;
pub use set_delegate::*;
pub use set_status::*;
pub use settle_loss::*;
pub use sweep_market_income::*;
pub use withdraw::*;
