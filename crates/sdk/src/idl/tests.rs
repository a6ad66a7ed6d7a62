//! The IDL's types against the program's own.

use std::fmt::Debug;

use anchor_lang::{AnchorDeserialize, AnchorSerialize, Discriminator};

use super::*;
use crate::error::{DECLARED, ERRORS};

/// Both read the same fields from the same bytes, use up as many, and write them back.
fn assert_same<D, K>(name: &str, byte: u8)
where
    D: AnchorDeserialize + AnchorSerialize + Debug,
    K: AnchorDeserialize + AnchorSerialize + Debug,
{
    let bytes = [byte; 4_096];
    let (mut declared_rest, mut known_rest) = (bytes.as_slice(), bytes.as_slice());
    let (declared, known) = (D::deserialize(&mut declared_rest).unwrap(), K::deserialize(&mut known_rest).unwrap());
    // Debug names every field in its order.
    assert_eq!(format!("{declared:?}"), format!("{known:?}"), "{name}");
    let used = bytes.len() - known_rest.len();
    assert_eq!(bytes.len() - declared_rest.len(), used, "{name}");
    let written = |value: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = Vec::new();
        value(&mut bytes);
        bytes
    };
    let declared = written(&|bytes| declared.serialize(bytes).unwrap());
    let known = written(&|bytes| known.serialize(bytes).unwrap());
    assert_eq!((&declared, declared.len()), (&known, used), "{name}");
}

macro_rules! events {
    ($byte:expr, $($name:ident),* $(,)?) => {
        $(
            assert_same::<events::$name, ::taper::events::$name>(stringify!($name), $byte);
            assert_eq!(events::$name::DISCRIMINATOR, ::taper::events::$name::DISCRIMINATOR);
        )*
    };
}

#[test]
fn events_are_the_programs_own() {
    events!(
        0,
        Absorbed,
        AccountFlagged,
        AdminChanged,
        AdminNominated,
        BookChanged,
        DeficitRecorded,
        DelegateSet,
        Deposited,
        ExchangeInitialized,
        FundingUpdated,
        InsuranceDonated,
        LegResolved,
        LimitsTightened,
        LossCovered,
        LossSettled,
        MarginAccountClosed,
        MarginAccountCreated,
        MarketClosed,
        MarketCreated,
        MarketIncomeSwept,
        MarketSettled,
        OrderCancelled,
        OrderPlaced,
        OrdersCancelled,
        ProposalApplied,
        ProposalCancelled,
        ProposalClosed,
        ProposalCreated,
        RampAdvanced,
        SeatReleased,
        SeatTaken,
        Sliced,
        StatusSet,
        Swept,
        Withdrawn
    );
    // Ones are true, present, and the second variant; a list of as many entries would have no end.
    events!(
        1,
        Absorbed,
        AccountFlagged,
        AdminChanged,
        AdminNominated,
        DeficitRecorded,
        DelegateSet,
        Deposited,
        ExchangeInitialized,
        FundingUpdated,
        InsuranceDonated,
        LimitsTightened,
        LossCovered,
        LossSettled,
        MarginAccountClosed,
        MarginAccountCreated,
        MarketClosed,
        MarketCreated,
        MarketIncomeSwept,
        MarketSettled,
        OrderCancelled,
        OrderPlaced,
        ProposalApplied,
        ProposalCancelled,
        ProposalClosed,
        ProposalCreated,
        RampAdvanced,
        SeatReleased,
        SeatTaken,
        Sliced,
        StatusSet,
        Swept,
        Withdrawn
    );
}

/// The same, and what a caller has of the program's type says the same as the IDL's.
fn assert_converts<D, K>(name: &str, byte: u8)
where
    D: AnchorDeserialize + AnchorSerialize + Debug + From<K>,
    K: AnchorDeserialize + AnchorSerialize + Debug,
{
    assert_same::<D, K>(name, byte);
    let known = K::deserialize(&mut [byte; 4_096].as_slice()).unwrap();
    let told = format!("{known:?}");
    assert_eq!(format!("{:?}", D::from(known)), told, "{name}");
}

#[test]
fn arguments_are_the_programs_own() {
    for byte in [0, 1] {
        assert_converts::<types::PlaceOrderArgs, ::taper::instructions::PlaceOrderArgs>("PlaceOrderArgs", byte);
        assert_converts::<types::CancelOrderArgs, ::taper::instructions::CancelOrderArgs>("CancelOrderArgs", byte);
        assert_converts::<types::CancelAllOrdersArgs, ::taper::instructions::CancelAllOrdersArgs>(
            "CancelAllOrdersArgs",
            byte,
        );
        assert_converts::<types::ForceCancelOrdersArgs, ::taper::instructions::ForceCancelOrdersArgs>(
            "ForceCancelOrdersArgs",
            byte,
        );
        assert_converts::<types::LiquidateArgs, ::taper::instructions::LiquidateArgs>("LiquidateArgs", byte);
        assert_converts::<types::TightenLimitsArgs, ::taper::instructions::TightenLimitsArgs>(
            "TightenLimitsArgs",
            byte,
        );
        assert_converts::<types::ProposalAction, ::taper::state::ProposalAction>("ProposalAction", byte);
    }
    for byte in 2..6 {
        assert_converts::<types::ProposalAction, ::taper::state::ProposalAction>("ProposalAction", byte);
    }
}

#[test]
fn errors_are_the_programs_own() {
    assert_eq!(DECLARED.len(), ERRORS.len());
    for (declared, known) in DECLARED.iter().zip(ERRORS) {
        let told = (u32::from(*declared), declared.name(), declared.to_string());
        assert_eq!(told, (u32::from(*known), known.name(), known.to_string()));
    }
}
