//! Ranges of IP addresses in CIDR notation.

use std::fmt;
use std::net::{AddrParseError, IpAddr, Ipv4Addr, Ipv6Addr};
use std::num::ParseIntError;
use std::str::FromStr;

/// Addresses of one family that share their first bits, such as `10.0.0.0/8` (RFC 4632).
///
/// Invariants: the prefix is no longer than an address of its family; the bits after it are zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct IpRange {
    first: IpAddr,
    prefix_bits: u8,
}

impl IpRange {
    pub fn new(first: IpAddr, prefix_bits: u8) -> Result<Self, InvalidIpRange> {
        let bits_max = address_bits(first);
        if prefix_bits > bits_max {
            return Err(InvalidIpRange::LongPrefix {
                found: prefix_bits,
                bits_max,
            });
        }
        let start = masked(first, prefix_bits);
        if start != first {
            return Err(InvalidIpRange::InsideRange {
                found: first,
                range: Self {
                    first: start,
                    prefix_bits,
                },
            });
        }
        Ok(Self { first, prefix_bits })
    }

    /// For tables in the code, whose tests prove the invariants.
    pub(super) const fn v4(octets: [u8; 4], prefix_bits: u8) -> Self {
        let [a, b, c, d] = octets;
        Self {
            first: IpAddr::V4(Ipv4Addr::new(a, b, c, d)),
            prefix_bits,
        }
    }

    /// As [`IpRange::v4`].
    pub(super) const fn v6(first: Ipv6Addr, prefix_bits: u8) -> Self {
        Self {
            first: IpAddr::V6(first),
            prefix_bits,
        }
    }

    pub fn contains(&self, address: IpAddr) -> bool {
        address.is_ipv4() == self.first.is_ipv4() && masked(address, self.prefix_bits) == self.first
    }
}

impl FromStr for IpRange {
    type Err = InvalidIpRange;

    /// An address without a prefix is a range of one.
    fn from_str(text: &str) -> Result<Self, InvalidIpRange> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let first: IpAddr = address
            .parse()
            .map_err(|source| InvalidIpRange::Address { source })?;
        let prefix_bits = match prefix {
            Some(bits) => bits
                .parse()
                .map_err(|source| InvalidIpRange::Prefix { source })?,
            None => address_bits(first),
        };
        Self::new(first, prefix_bits)
    }
}

impl fmt::Display for IpRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.first, self.prefix_bits)
    }
}

fn address_bits(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

/// The first address that shares its first bits with `address`.
fn masked(address: IpAddr, prefix_bits: u8) -> IpAddr {
    let rest_bits = u32::from(address_bits(address).saturating_sub(prefix_bits));
    // A shift by the whole width is none in Rust: a prefix of 0 keeps no bit.
    match address {
        IpAddr::V4(address) => {
            let mask = u32::MAX.checked_shl(rest_bits).unwrap_or(0);
            IpAddr::V4(Ipv4Addr::from_bits(address.to_bits() & mask))
        }
        IpAddr::V6(address) => {
            let mask = u128::MAX.checked_shl(rest_bits).unwrap_or(0);
            IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & mask))
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidIpRange {
    #[error("not an IP address or CIDR range")]
    Address {
        #[source]
        source: AddrParseError,
    },
    #[error("the prefix length is not a number")]
    Prefix {
        #[source]
        source: ParseIntError,
    },
    #[error("the prefix has {found} bits, an address of its family {bits_max}")]
    LongPrefix { found: u8, bits_max: u8 },
    #[error("{found} lies inside a range, write {range} for all of it")]
    InsideRange { found: IpAddr, range: IpRange },
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn range(text: &str) -> IpRange {
        text.parse().unwrap()
    }

    #[track_caller]
    fn check(text: &str, inside: &[&str], outside: &[&str]) {
        for address in inside {
            assert!(range(text).contains(address.parse().unwrap()), "{address}");
        }
        for address in outside {
            assert!(!range(text).contains(address.parse().unwrap()), "{address}");
        }
    }

    #[test]
    fn a_range_holds_its_first_and_last_address_and_no_neighbour() {
        check(
            "172.16.0.0/12",
            &["172.16.0.0", "172.31.255.255"],
            &["172.15.255.255", "172.32.0.0", "::ffff:172.16.0.1"],
        );
        check(
            "fc00::/7",
            &["fc00::", "fdff:ffff::1"],
            &["fbff::1", "fe00::", "10.0.0.1"],
        );
        check("0.0.0.0/0", &["0.0.0.0", "255.255.255.255"], &["::"]);
        check("::/0", &["::", "ffff::"], &["1.2.3.4"]);
        check("10.1.2.3", &["10.1.2.3"], &["10.1.2.2", "10.1.2.4"]);
    }

    #[test]
    fn ranges_that_mean_something_else_than_they_say_are_refused() {
        assert!(matches!(
            "10.1.0.0/8".parse::<IpRange>(),
            Err(InvalidIpRange::InsideRange { range, .. }) if range.to_string() == "10.0.0.0/8"
        ));
        assert_eq!(
            "10.0.0.0/33".parse::<IpRange>(),
            Err(InvalidIpRange::LongPrefix {
                found: 33,
                bits_max: 32
            })
        );
        assert!("::/129".parse::<IpRange>().is_err());
        for text in [
            "",
            "/",
            "/8",
            "10.0.0.0/",
            "10/8",
            "10.0.0.0/-1",
            "x",
            "010.0.0.0/8",
        ] {
            assert!(text.parse::<IpRange>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn text_of_a_range_reads_back(bits: u128, prefix_bits in 0_u8..=128) {
            let address = IpAddr::V6(Ipv6Addr::from_bits(bits));
            let range = IpRange::new(masked(address, prefix_bits), prefix_bits).unwrap();
            prop_assert!(range.contains(address));
            prop_assert_eq!(range.to_string().parse(), Ok(range));
        }
    }
}
