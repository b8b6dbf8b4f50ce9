//! How a BMC is got at.

use serde_json::{Value as Json, json};

use super::word::one_of;
use crate::cluster::{PRIVILEGES, QUIRKS};
use crate::config::read::{Scalar, Wrong};

/// Protocol of a BMC.
#[derive(Debug, Clone)]
pub(in crate::config) struct BmcProtocol(pub String);

/// Port of a BMC.
#[derive(Debug, Clone, Copy)]
pub(in crate::config) struct BmcPort(pub u16);

/// Privilege of IPMI.
#[derive(Debug, Clone)]
pub(in crate::config) struct BmcPrivilege(pub String);

/// What is special about a BMC.
#[derive(Debug, Clone)]
pub(in crate::config) struct BmcQuirk(pub String);

/// Cipher suite of IPMI.
#[derive(Debug, Clone, Copy)]
pub(in crate::config) struct CipherSuite(pub u8);

impl Scalar for BmcProtocol {
    const NOUN: &'static str = "a BMC protocol";
    const EXAMPLE: &'static str = "ipmi";

    fn parse(text: &str) -> Result<Self, Wrong> {
        one_of(text, &["ipmi", "redfish"], |word| word).map(|word| Self(word.to_string()))
    }

    fn schema() -> Json {
        json!({ "enum": ["ipmi", "redfish"] })
    }
}

impl Scalar for BmcPort {
    const NOUN: &'static str = "a port";
    const EXAMPLE: &'static str = "623";

    fn parse(text: &str) -> Result<Self, Wrong> {
        match text.parse() {
            Ok(port) if port > 0 => Ok(Self(port)),
            _ => Err(Wrong::because("expected a number from 1 to 65535")),
        }
    }

    fn schema() -> Json {
        json!({ "type": "integer", "minimum": 1, "maximum": 65535 })
    }
}

impl Scalar for BmcPrivilege {
    const NOUN: &'static str = "a privilege";
    const EXAMPLE: &'static str = "operator";

    fn parse(text: &str) -> Result<Self, Wrong> {
        one_of(text, &PRIVILEGES, |word| word).map(|word| Self(word.to_string()))
    }

    fn schema() -> Json {
        json!({ "enum": PRIVILEGES })
    }
}

impl Scalar for BmcQuirk {
    const NOUN: &'static str = "a quirk of a BMC";
    const EXAMPLE: &'static str = "nocycle";

    fn parse(text: &str) -> Result<Self, Wrong> {
        one_of(text, &QUIRKS, |word| word).map(|word| Self(word.to_string()))
    }

    fn schema() -> Json {
        json!({ "enum": QUIRKS })
    }
}

impl Scalar for CipherSuite {
    const NOUN: &'static str = "a cipher suite";
    const EXAMPLE: &'static str = "17";

    fn parse(text: &str) -> Result<Self, Wrong> {
        match text {
            "3" => Ok(Self(3)),
            "17" => Ok(Self(17)),
            "0" => Err(Wrong::because("suite 0 lets anybody in")),
            _ => Err(Wrong::because(
                "expected `17` or `3`: the others do not encrypt, or nobody has them",
            )),
        }
    }

    fn schema() -> Json {
        json!({ "enum": [17, 3] })
    }
}
