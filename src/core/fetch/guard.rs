//! Which addresses may be spoken to when someone else chose them.
//!
//! Whoever names a URL must not make this machine speak to what only it can reach: itself, its network, the metadata
//! service of its cloud.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::range::IpRange;

/// IPv4 that nothing public answers at: IANA's special-purpose registry (RFC 6890), multicast, and one address of a cloud.
///
/// Entries that the registry calls globally reachable are here too, since anyone may operate those services inside a
/// network and none of them is a website.
const REFUSED_V4: [IpRange; 20] = [
    IpRange::v4([0, 0, 0, 0], 8),     // this host on this network, RFC 791
    IpRange::v4([10, 0, 0, 0], 8),    // private use, RFC 1918
    IpRange::v4([100, 64, 0, 0], 10), // behind the NAT of a carrier, RFC 6598
    IpRange::v4([127, 0, 0, 0], 8),   // loopback, RFC 1122
    IpRange::v4([168, 63, 129, 16], 32), // Azure's own services to a machine; public only by its number
    IpRange::v4([169, 254, 0, 0], 16),   // link-local, RFC 3927; metadata services of most clouds
    IpRange::v4([172, 16, 0, 0], 12),    // private use, RFC 1918
    IpRange::v4([192, 0, 0, 0], 24),     // protocol assignments, RFC 6890
    IpRange::v4([192, 0, 2, 0], 24),     // TEST-NET-1, RFC 5737
    IpRange::v4([192, 31, 196, 0], 24),  // AS112, RFC 7535
    IpRange::v4([192, 52, 193, 0], 24),  // AMT, RFC 7450
    IpRange::v4([192, 88, 99, 0], 24),   // 6to4 relays, RFC 7526
    IpRange::v4([192, 168, 0, 0], 16),   // private use, RFC 1918
    IpRange::v4([192, 175, 48, 0], 24),  // AS112, RFC 7534
    IpRange::v4([198, 18, 0, 0], 15),    // benchmarking, RFC 2544
    IpRange::v4([198, 51, 100, 0], 24),  // TEST-NET-2, RFC 5737
    IpRange::v4([203, 0, 113, 0], 24),   // TEST-NET-3, RFC 5737
    IpRange::v4([224, 0, 0, 0], 4),      // multicast, RFC 1112
    IpRange::v4([240, 0, 0, 0], 4),      // reserved, RFC 1112
    IpRange::v4([255, 255, 255, 255], 32), // limited broadcast, RFC 919
];

/// The only part of IPv6 that is given out for use by anyone (RFC 4291, IANA's address space registry).
///
/// What lies outside is refused as a whole: `::`, `::1`, `100::/64`, `5f00::/16`, `fc00::/7`, `fe80::/10`, `ff00::/8`,
/// IPv4-compatible addresses, `64:ff9b:1::/48`, and what is not assigned at all.
const GLOBAL_V6: IpRange = IpRange::v6(Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);

/// IPv4 behind the NAT64 of a network (RFC 6052): the one range outside [`GLOBAL_V6`] that is globally reachable.
///
/// Where a network speaks IPv6 only, its DNS64 (RFC 6147) gives every IPv4 site such an address.
const NAT64: IpRange = IpRange::v6(Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0), 96);

/// As [`NAT64`], with a prefix that a network chose for itself (RFC 8215).
const NAT64_LOCAL: IpRange = IpRange::v6(Ipv6Addr::new(0x64, 0xff9b, 1, 0, 0, 0, 0, 0), 48);

/// IPv4 over IPv6 without configuration (RFC 3056), given up by RFC 7526.
const SIX_TO_FOUR: IpRange = IpRange::v6(Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16);

/// IPv6 through the NAT of someone's home (RFC 4380).
const TEREDO: IpRange = IpRange::v6(Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 32);

/// What of [`GLOBAL_V6`] is special-purpose all the same (RFC 6890).
const REFUSED_V6: [IpRange; 5] = [
    // Protocol assignments, RFC 2928: with Teredo, benchmarking (RFC 5180), AMT, AS112, ORCHID (RFC 4843, RFC 7343).
    IpRange::v6(Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23),
    IpRange::v6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32), // documentation, RFC 3849
    SIX_TO_FOUR,
    IpRange::v6(Ipv6Addr::new(0x2620, 0x4f, 0x8000, 0, 0, 0, 0, 0), 48), // AS112, RFC 7534
    IpRange::v6(Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20),         // documentation, RFC 9637
];

/// Refuses every address that is not globally reachable, except in ranges that the operator allows.
#[derive(Clone, Debug, Default)]
pub struct AddressGuard {
    pub allow: Vec<IpRange>,
}

impl AddressGuard {
    /// Whether both the address and every IPv4 address that it carries are globally reachable or allowed.
    ///
    /// An allowed IPv6 range thus opens no IPv4 address that is refused otherwise.
    pub fn permits(&self, address: IpAddr) -> bool {
        // The kernel speaks IPv4 to a mapped address (RFC 4291, section 2.5.5.2), so it is that address.
        match address.to_canonical() {
            IpAddr::V4(address) => self.permits_v4(address),
            IpAddr::V6(address) => {
                (self.allows(IpAddr::V6(address)) || is_global_v6(address))
                    && embedded_v4(address)
                        .into_iter()
                        .flatten()
                        .all(|embedded| self.permits_v4(embedded))
            }
        }
    }

    fn permits_v4(&self, address: Ipv4Addr) -> bool {
        let address = IpAddr::V4(address);
        self.allows(address) || !REFUSED_V4.iter().any(|range| range.contains(address))
    }

    fn allows(&self, address: IpAddr) -> bool {
        self.allow.iter().any(|range| range.contains(address))
    }
}

fn is_global_v6(address: Ipv6Addr) -> bool {
    let address = IpAddr::V6(address);
    NAT64.contains(address)
        || GLOBAL_V6.contains(address) && !REFUSED_V6.iter().any(|range| range.contains(address))
}

/// IPv4 addresses that packets to `address` may end up at.
fn embedded_v4(address: Ipv6Addr) -> [Option<Ipv4Addr>; 2] {
    let octets = address.octets();
    let at = |places: [usize; 4]| Ipv4Addr::from(places.map(|place| octets[place]));
    let last = at([12, 13, 14, 15]);
    let ip = IpAddr::V6(address);
    if TEREDO.contains(ip) {
        // The server, and the client behind it with its bits inverted (RFC 4380, section 4).
        let client = Ipv4Addr::from_bits(!last.to_bits());
        [Some(at([4, 5, 6, 7])), Some(client)]
    } else if SIX_TO_FOUR.contains(ip) {
        [Some(at([2, 3, 4, 5])), None]
    } else if NAT64_LOCAL.contains(ip) {
        // Around octet 8 for a prefix of 48 bits, at the end for one of 96 (RFC 6052, section 2.2), and zeros else.
        let set = |address: Ipv4Addr| (!address.is_unspecified()).then_some(address);
        [set(at([6, 7, 9, 10])), set(last)]
    } else if NAT64.contains(ip) || is_compatible(address) || is_isatap(address) {
        [Some(last), None]
    } else {
        [None, None]
    }
}

/// RFC 4291, section 2.5.5.1; `::` and `::1` are none.
fn is_compatible(address: Ipv6Addr) -> bool {
    (2..1 << 32).contains(&address.to_bits())
}

/// Any network, then an interface named for its IPv4 address (RFC 5214, section 6.1).
fn is_isatap(address: Ipv6Addr) -> bool {
    matches!(address.segments(), [_, _, _, _, 0 | 0x200, 0x5efe, _, _])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard(allow: &[&str]) -> AddressGuard {
        let allow = allow.iter().map(|range| range.parse().unwrap()).collect();
        AddressGuard { allow }
    }

    #[track_caller]
    fn check(allow: &[&str], address: &str, expected: bool) {
        let permitted = guard(allow).permits(address.parse().unwrap());
        assert_eq!(permitted, expected, "{address} with {allow:?}");
    }

    #[test]
    fn tables_hold_proper_ranges() {
        let tables = [GLOBAL_V6, NAT64, NAT64_LOCAL, SIX_TO_FOUR, TEREDO];
        for range in REFUSED_V4.iter().chain(&REFUSED_V6).chain(&tables) {
            assert_eq!(range.to_string().parse(), Ok(*range));
        }
    }

    #[test]
    fn first_and_last_addresses_of_special_ipv4_are_refused_and_their_neighbours_are_not() {
        // First, last, whether what precedes and what follows is public.
        let special = [
            ("0.0.0.0", "0.255.255.255", false, true),
            ("10.0.0.0", "10.255.255.255", true, true),
            ("100.64.0.0", "100.127.255.255", true, true),
            ("127.0.0.0", "127.255.255.255", true, true),
            ("168.63.129.16", "168.63.129.16", true, true),
            ("169.254.0.0", "169.254.255.255", true, true),
            ("172.16.0.0", "172.31.255.255", true, true),
            ("192.0.0.0", "192.0.0.255", true, true),
            ("192.0.2.0", "192.0.2.255", true, true),
            ("192.31.196.0", "192.31.196.255", true, true),
            ("192.52.193.0", "192.52.193.255", true, true),
            ("192.88.99.0", "192.88.99.255", true, true),
            ("192.168.0.0", "192.168.255.255", true, true),
            ("192.175.48.0", "192.175.48.255", true, true),
            ("198.18.0.0", "198.19.255.255", true, true),
            ("198.51.100.0", "198.51.100.255", true, true),
            ("203.0.113.0", "203.0.113.255", true, true),
            ("224.0.0.0", "255.255.255.255", true, false),
        ];
        for (first, last, before, after) in special {
            check(&[], first, false);
            check(&[], last, false);
            let number = |address: &str| address.parse::<Ipv4Addr>().unwrap().to_bits();
            if before {
                let address = Ipv4Addr::from_bits(number(first) - 1);
                check(&[], &address.to_string(), true);
            }
            if after {
                let address = Ipv4Addr::from_bits(number(last) + 1);
                check(&[], &address.to_string(), true);
            }
        }
        for address in [
            "169.254.169.254",
            "100.100.100.200",
            "192.0.0.192",
            "239.1.1.1",
        ] {
            check(&[], address, false);
        }
    }

    #[test]
    fn special_ipv6_is_refused() {
        let refused = [
            "::",               // unspecified, RFC 4291
            "::1",              // loopback, RFC 4291
            "100::1",           // discard, RFC 6666
            "100:0:0:1::1",     // dummy prefix, RFC 9780
            "2001:1::1",        // port control anycast, RFC 7723
            "2001:2::1",        // benchmarking, RFC 5180
            "2001:3::1",        // AMT, RFC 7450
            "2001:4:112::1",    // AS112, RFC 7535
            "2001:10::1",       // ORCHID, RFC 4843
            "2001:20::1",       // ORCHIDv2, RFC 7343
            "2001:30::1",       // drone identifiers, RFC 9374
            "2001:1ff:ffff::1", // last of 2001::/23
            "2001:db8::1",      // documentation, RFC 3849
            "2620:4f:8000::1",  // AS112, RFC 7534
            "3fff::1",          // documentation, RFC 9637
            "3fff:fff:ffff::1", // last of it
            "5f00::1",          // segment routing, RFC 9602
            "fc00::1",          // unique local, RFC 4193
            "fd00:ec2::254",    // metadata service of a cloud
            "fe80::1",          // link-local, RFC 4291
            "febf::1",          // last of it
            "fec0::1",          // site-local, RFC 3879
            "ff02::1",          // multicast, RFC 4291
            "4000::1",          // given out to nobody
            "1fff:ffff::1",     // given out to nobody
        ];
        for address in refused {
            check(&[], address, false);
        }
        for address in [
            "2000::1",
            "2001:200::1",
            "2001:4860:4860::8888",
            "2606:4700:4700::1111",
            "2a00:1450:4001::1",
            "3ffe:ffff::1",
        ] {
            check(&[], address, true);
        }
    }

    #[test]
    fn ipv4_inside_ipv6_is_judged_too() {
        let carriers = [
            // Mapped, RFC 4291: the same as the IPv4 address.
            ("::ffff:127.0.0.1", false),
            ("::ffff:169.254.169.254", false),
            ("::ffff:8.8.8.8", true),
            // NAT64, RFC 6052: as the IPv4 address.
            ("64:ff9b::10.0.0.1", false),
            ("64:ff9b::127.0.0.1", false),
            ("64:ff9b::8.8.8.8", true),
            // Refused whatever they carry.
            ("::8.8.8.8", false),
            ("::127.0.0.1", false),
            ("::ffff:0:8.8.8.8", false),
            ("64:ff9b:1::8.8.8.8", false),
            ("2002:808:808::1", false),
            ("2002:7f00:1::1", false),
            ("2001:0:808:808:0:0:f7f7:f7f7", false),
            // ISATAP, RFC 5214, in a public network.
            ("2a00:1450::5efe:10.0.0.1", false),
            ("2a00:1450::200:5efe:10.0.0.1", false),
            ("2a00:1450::5efe:8.8.8.8", true),
        ];
        for (address, expected) in carriers {
            check(&[], address, expected);
        }
    }

    #[test]
    fn allowed_ranges_open_themselves_only() {
        check(&["127.0.0.0/8"], "127.0.0.1", true);
        check(&["127.0.0.0/8"], "::ffff:127.0.0.1", true);
        check(&["127.0.0.0/8"], "::1", false);
        check(&["127.0.0.0/8"], "10.0.0.1", false);
        check(&["10.1.0.0/16", "fd00::/8"], "10.1.2.3", true);
        check(&["10.1.0.0/16", "fd00::/8"], "fd12::1", true);
        check(&["10.1.0.0/16", "fd00::/8"], "fe80::1", false);
        check(&["::1"], "::1", true);
        check(&["0.0.0.0/0", "::/0"], "::127.0.0.1", true);
    }

    #[test]
    fn an_allowed_ipv6_range_opens_no_ipv4_inside_it() {
        let nat64 = "64:ff9b:1::/48";
        check(&[nat64], "64:ff9b:1::8.8.8.8", true);
        check(&[nat64], "64:ff9b:1::10.0.0.1", false);
        check(&[nat64, "10.0.0.0/8"], "64:ff9b:1::10.0.0.1", true);
        // 8.8.8.8, then 10.0.0.1, after a prefix of 48 bits.
        check(&[nat64], "64:ff9b:1:808:8:800::", true);
        check(&[nat64], "64:ff9b:1:a00:0:100::", false);
        check(&["2002::/16"], "2002:808:808::1", true);
        check(&["2002::/16"], "2002:a00:1::1", false);
        check(&["2001::/32"], "2001:0:808:808:0:0:f7f7:f7f7", true);
        check(&["2001::/32"], "2001:0:a00:1:0:0:f7f7:f7f7", false);
        check(&["2001::/32"], "2001:0:808:808:0:0:f5ff:fffe", false);
        check(&["::/96"], "::8.8.8.8", true);
        check(&["::/96"], "::127.0.0.1", false);
    }
}
