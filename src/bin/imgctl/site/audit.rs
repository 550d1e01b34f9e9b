//! The audit log: what was done, the latest first.

use img_api::audit::{AuditEntry, AuditList, AuditQuery};
use img_core::catalog::access::AuditPage;
use img_core::model::clock::{Clock, SystemClock};

use crate::exit::Failure;
use crate::site::{Here, Site};
use crate::when;

const PAGE_MAX: u32 = 1000;

impl Site {
    /// Page by page, at most `limit` entries.
    pub(crate) async fn list_audit(
        &self,
        query: &AuditQuery,
        limit: u32,
        mut each: impl FnMut(&AuditEntry),
    ) -> Result<(), Failure> {
        match self {
            Self::Here(here) => here.list_audit(query, limit, each).await,
            Self::There(server) => {
                let (mut query, mut left) = (query.clone(), limit);
                while left > 0 {
                    query.limit = Some(left.min(PAGE_MAX));
                    let page: AuditList = server.get("audit", &query).await?;
                    page.entries.iter().take(left as usize).for_each(&mut each);
                    left = left.saturating_sub(u32::try_from(page.entries.len()).unwrap_or(left));
                    query.cursor = page.next;
                    if query.cursor.is_none() {
                        break;
                    }
                }
                Ok(())
            }
        }
    }
}

impl Here {
    async fn list_audit(
        &self,
        query: &AuditQuery,
        limit: u32,
        mut each: impl FnMut(&AuditEntry),
    ) -> Result<(), Failure> {
        let now = SystemClock.now();
        let time_ms = |text: &Option<String>| {
            let at = text.as_deref().map(|text| when::parse_since(text, now));
            at.transpose()
                .map(|at| at.map(|at| at.saturating_mul(1000)))
        };
        let mut page = AuditPage {
            before: None,
            since_ms: time_ms(&query.since)?,
            until_ms: time_ms(&query.until)?,
            actor: query.actor.clone(),
            action: query.action.clone(),
            target: query.target.clone(),
            limit: 0,
        };
        let mut left = limit;
        while left > 0 {
            page.limit = left.min(PAGE_MAX);
            let found = self.origin.catalog.list_audit(&page).await?;
            let Some(last) = found.last() else { break };
            page.before = Some(last.number);
            left = left.saturating_sub(u32::try_from(found.len()).unwrap_or(left));
            for audited in &found {
                each(&AuditEntry::of(audited));
            }
        }
        Ok(())
    }
}
