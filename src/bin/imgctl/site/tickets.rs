//! Upload tickets: made, listed, shown, ended.

use img_api::alias::parse_alias;
use img_api::ticket::{NewTicket, Ticket, TicketList};
use img_core::model::access::TicketId;
use img_core::model::grant::TicketAlias;
use img_core::origin::tickets;

use crate::context::local_act;
use crate::exit::Failure;
use crate::remote::{Page, Reasoned};
use crate::site::keys::end_of;
use crate::site::{Here, Site};

const PAGE_MAX: u32 = 1000;
/// As the API has it where a request says nothing.
const LIFETIME_S: u64 = 3600;

impl Site {
    pub(crate) async fn create_ticket(&self, new: &NewTicket) -> Result<Ticket, Failure> {
        match self {
            Self::Here(here) => here.create_ticket(new).await,
            Self::There(server) => Ok(server.post("tickets", new).await?),
        }
    }

    pub(crate) async fn get_ticket(&self, id: TicketId) -> Result<Ticket, Failure> {
        match self {
            Self::Here(here) => {
                let ticket = here.origin.get_ticket(&local_act(None), id).await?;
                let url = here.origin.ticket_url(&ticket);
                Ok(Ticket::of(here.url(), &ticket, url.as_deref()))
            }
            Self::There(server) => Ok(server.get(&format!("tickets/{id}"), &()).await?),
        }
    }

    /// Without their URLs.
    pub(crate) async fn list_tickets(&self, mut each: impl FnMut(&Ticket)) -> Result<(), Failure> {
        match self {
            Self::Here(here) => {
                let (act, mut after) = (local_act(None), None);
                loop {
                    let page = here.origin.list_tickets(&act, after, PAGE_MAX).await?;
                    for ticket in &page.tickets {
                        each(&Ticket::of(here.url(), ticket, None));
                    }
                    if page.next.is_none() {
                        return Ok(());
                    }
                    after = page.next;
                }
            }
            Self::There(server) => {
                let mut page = Page::first(PAGE_MAX);
                loop {
                    let list: TicketList = server.get("tickets", &page).await?;
                    list.tickets.iter().for_each(&mut each);
                    if !page.turn(list.next) {
                        return Ok(());
                    }
                }
            }
        }
    }

    pub(crate) async fn revoke_ticket(
        &self,
        id: TicketId,
        reason: Option<String>,
    ) -> Result<(), Failure> {
        match self {
            Self::Here(here) => Ok(here.origin.revoke_ticket(&local_act(reason), id).await?),
            Self::There(server) => {
                let path = format!("tickets/{id}");
                Ok(server.delete_only(&path, &Reasoned { reason }).await?)
            }
        }
    }
}

impl Here {
    async fn create_ticket(&self, new: &NewTicket) -> Result<Ticket, Failure> {
        let act = local_act(new.reason.clone());
        let mut new = parse_new(new)?;
        if new.presets.iter().any(|name| name.as_str() == "all") {
            let all = self.origin.presets.current();
            new.presets = all.map(|preset| preset.name.clone()).collect();
        }
        let ticket = self.origin.create_ticket(&act, new).await?;
        let url = self.origin.ticket_url(&ticket);
        Ok(Ticket::of(self.url(), &ticket, url.as_deref()))
    }
}

fn parse_new(new: &NewTicket) -> Result<tickets::NewTicket, Failure> {
    let usage = |error: &dyn std::error::Error| Failure::usage(error.to_string());
    let host = new.alias_host.as_deref();
    let alias = match (&new.alias, &new.alias_prefix) {
        (Some(path), _) => {
            TicketAlias::Exact(parse_alias(path, host).map_err(|error| usage(&error))?)
        }
        (None, Some(prefix)) => TicketAlias::Below {
            host: host
                .map(str::parse)
                .transpose()
                .map_err(|error| usage(&error))?,
            prefix: prefix.parse().map_err(|error| usage(&error))?,
        },
        (None, None) => TicketAlias::None,
    };
    let types: Result<_, _> = new.types.iter().map(|media| media.parse()).collect();
    let tags: Result<_, _> = new.tags.iter().map(|tag| tag.parse()).collect();
    let presets: Result<_, _> = new.derive.iter().map(|name| name.parse()).collect();
    let callback = new.callback_url.as_deref().map(str::parse).transpose();
    Ok(tickets::NewTicket {
        expires_at: end_of(new.expires_in_s.unwrap_or(LIFETIME_S)),
        uses: new.uses.unwrap_or(1),
        bytes_max: new.bytes_max,
        types: types.map_err(|error: img_core::model::media::UnknownMediaType| usage(&error))?,
        alias,
        tags: tags.map_err(|error: img_core::model::tag::InvalidTag| usage(&error))?,
        presets: presets
            .map_err(|error: img_core::model::preset::InvalidPresetName| usage(&error))?,
        callback_url: callback
            .map_err(|error: img_core::fetch::url::InvalidFetchUrl| usage(&error))?,
    })
}
