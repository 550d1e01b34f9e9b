//! What every catalog must keep of access: keys, tickets, people, the audit log.
