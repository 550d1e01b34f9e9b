//! The part of the contract that searching and tagging rely on. Nothing else was ingested since [`SINCE`].

use crate::catalog::contract::{alone, audited, entry, id, image, name};
use crate::catalog::search::{
    ImageFilter, ImageMatch, ImageMatches, ImageSearch, SearchOrder, TagChange,
};
use crate::catalog::{Catalog, NewImage};
use crate::model::image_id::ImageId;
use crate::model::media::MediaType;
use crate::model::perceptual_hash::PerceptualHash;
use crate::model::record::{Appearance, Image, Swatch};
use crate::model::tag::Tag;

/// Some of them were ingested in the same second.
const SINCE: i64 = 100_000;
const NUMBERS: std::ops::Range<u64> = 20_000..20_030;
const HOST: &str = "s.example";

pub(super) async fn run(catalog: &dyn Catalog) {
    tags_and_audit_are_recorded_with_images(catalog).await;
    record_all(catalog).await;
    the_newest_come_first(catalog).await;
    tagged_images_go_by_id(catalog).await;
    named_images_go_by_name(catalog).await;
    filters_let_through_what_they_name(catalog).await;
    a_full_page_may_be_the_last(catalog).await;
    no_more_are_looked_at_than_allowed(catalog).await;
    tags_are_put_and_taken(catalog).await;
    the_first_appearance_stays(catalog).await;
}

async fn tags_and_audit_are_recorded_with_images(catalog: &dyn Catalog) {
    let of = |n, tags: &[&str], action| NewImage {
        tags: tags.iter().map(|text| tag(text)).collect(),
        audits: vec![entry(action, "recorded")],
        ..alone(&image(n))
    };
    let batch = [
        of(20_100, &["b", "a", "b"], "image.first"),
        of(20_101, &[], "image.second"),
        of(20_100, &["夏", "B"], "image.third"),
    ];
    catalog.record_images(&batch).await.unwrap();
    assert_eq!(tags_of(catalog, 20_100).await, ["B", "a", "b", "夏"]);
    assert!(tags_of(catalog, 20_101).await.is_empty());

    let again = [
        of(20_101, &["late"], "image.again"),
        of(20_100, &["a"], "image.last"),
    ];
    let recorded = catalog.record_images(&again).await.unwrap();
    assert!(recorded.iter().all(|one| !one.new));
    assert_eq!(tags_of(catalog, 20_101).await, ["late"]);
    assert_eq!(tags_of(catalog, 20_100).await, ["B", "a", "b", "夏"]);
    let expected = ["first", "second", "third", "again", "last"];
    let expected = expected.map(|word| format!("image.{word}"));
    assert_eq!(audited(catalog, "recorded").await, expected);
}

async fn record_all(catalog: &dyn Catalog) {
    let mut batch: Vec<NewImage> = NUMBERS.map(searched).collect();
    let more = ["/search/Z", "/search", "/search0", "/searching/a"];
    batch[0].aliases.extend(more.map(|path| name(None, path)));
    catalog.record_images(&batch).await.unwrap();
}

async fn the_newest_come_first(catalog: &dyn Catalog) {
    let mut images: Vec<Image> = NUMBERS.map(|n| searched(n).image).collect();
    images.sort_by_key(|image| (image.ingested_at, image.id));
    images.reverse();
    let expected: Vec<ImageMatch> = images
        .into_iter()
        .map(|image| ImageMatch { image, alias: None })
        .collect();
    let filter = ImageFilter {
        since: Some(SINCE),
        ..ImageFilter::default()
    };
    for limit in [1, 2, 3, 7, 1000, u32::MAX, 0] {
        let walked = walk(catalog, &newest(), &filter, limit).await;
        assert_eq!(walked, expected, "by {limit}");
    }
    let first = search(catalog, &newest(), &ImageFilter::default(), 3).await;
    assert_eq!(first.found, expected[..3]);
}

async fn tagged_images_go_by_id(catalog: &dyn Catalog) {
    let mut expected: Vec<ImageId> = NUMBERS.map(id).collect();
    expected.sort();
    for limit in [1, 2, 3, 1000] {
        let walked = walk(catalog, &by_tag("search"), &ImageFilter::default(), limit).await;
        assert_eq!(ids(&walked), expected, "by {limit}");
        assert!(walked.iter().all(|one| one.alias.is_none()));
    }
    let none = walk(catalog, &by_tag("Search"), &ImageFilter::default(), 9).await;
    assert_eq!(none, []);
}

async fn named_images_go_by_name(catalog: &dyn Catalog) {
    let named = |host: Option<&str>, n: u64| ImageMatch {
        image: searched(n).image,
        alias: Some(name(host, &format!("/search/{n}"))),
    };
    // With two names there it comes twice, and names beside the prefix are not below it.
    let mut everywhere: Vec<ImageMatch> = NUMBERS.map(|n| named(None, n)).collect();
    everywhere.push(ImageMatch {
        image: searched(20_000).image,
        alias: Some(name(None, "/search/Z")),
    });
    let at_host: Vec<ImageMatch> = NUMBERS
        .filter(|n| n % 2 == 0)
        .map(|n| named(Some(HOST), n))
        .collect();
    for limit in [1, 2, 3, 1000] {
        for (host, expected) in [(None, &everywhere), (Some(HOST), &at_host)] {
            let order = by_alias(host, "search");
            let walked = walk(catalog, &order, &ImageFilter::default(), limit).await;
            assert_eq!(&walked, expected, "by {limit}");
        }
    }
    for (host, prefix) in [(Some("t.example"), "search"), (None, "sear")] {
        let order = by_alias(host, prefix);
        let walked = walk(catalog, &order, &ImageFilter::default(), 9).await;
        assert_eq!(walked, []);
    }
}

async fn filters_let_through_what_they_name(catalog: &dyn Catalog) {
    let all = ImageFilter {
        since: Some(SINCE),
        ..ImageFilter::default()
    };
    let filters = [
        ImageFilter {
            media: Some(MediaType::Png),
            ..all.clone()
        },
        ImageFilter {
            bytes_min: Some(searched(20_010).image.size_bytes),
            ..all.clone()
        },
        ImageFilter {
            bytes_max: Some(searched(20_010).image.size_bytes),
            ..all.clone()
        },
        ImageFilter {
            since: Some(SINCE + 3),
            ..all.clone()
        },
        ImageFilter {
            until: Some(SINCE + 3),
            ..all.clone()
        },
        ImageFilter {
            tag: Some(tag("third")),
            ..all.clone()
        },
        ImageFilter {
            media: Some(MediaType::Jpeg),
            since: Some(SINCE + 2),
            until: Some(SINCE + 9),
            tag: Some(tag("third")),
            ..all
        },
    ];
    let orders = [newest(), by_tag("search"), by_alias(None, "search")];
    for (nth, filter) in filters.iter().enumerate() {
        let mut expected: Vec<ImageId> = NUMBERS.filter(|&n| passes(nth, n)).map(id).collect();
        expected.sort();
        for order in &orders {
            for limit in [1, 3, 1000] {
                let walked = walk(catalog, order, filter, limit).await;
                let mut found = ids(&walked);
                found.sort();
                found.dedup();
                assert_eq!(found, expected, "{order:?} {filter:?}");
            }
        }
    }
}

/// What each of the filters above is to let through.
fn passes(nth: usize, n: u64) -> bool {
    match nth {
        0 => n % 2 == 1,
        1 => n >= 20_010,
        2 => n <= 20_010,
        3 => n % 10 >= 3,
        4 => n % 10 < 3,
        5 => n.is_multiple_of(3),
        _ => n.is_multiple_of(2) && n.is_multiple_of(3) && (2..9).contains(&(n % 10)),
    }
}

async fn a_full_page_may_be_the_last(catalog: &dyn Catalog) {
    let order = by_tag("third");
    let all = ImageFilter::default();
    let page = search(catalog, &order, &all, 10).await;
    assert_eq!((page.found.len(), page.next), (10, None));
    let page = search(catalog, &order, &all, 9).await;
    assert_eq!(page.found.len(), 9);
    let last = search(catalog, &page.next.unwrap(), &all, 9).await;
    assert_eq!((last.found.len(), last.next), (1, None));
}

async fn no_more_are_looked_at_than_allowed(catalog: &dyn Catalog) {
    let examined = usize::try_from(ImageSearch::EXAMINED_MAX).unwrap();
    let orders = [newest(), by_tag("search"), by_alias(None, "search")];
    for order in orders {
        let recent = ImageFilter {
            since: Some(SINCE),
            ..ImageFilter::default()
        };
        let seen = walk(catalog, &order, &recent, 1000).await;
        let none = ImageFilter {
            media: Some(MediaType::Jxl),
            ..recent.clone()
        };
        let page = search(catalog, &order, &none, 5).await;
        assert_eq!(page.found, []);
        // On from the last one looked at, and not from the last one found.
        let rest = walk(catalog, &page.next.unwrap(), &recent, 1000).await;
        assert_eq!(rest, seen[examined..]);
        assert_eq!(walk(catalog, &order, &none, 5).await, []);

        let last = seen.last().unwrap();
        let only = ImageFilter {
            bytes_min: Some(last.image.size_bytes),
            bytes_max: Some(last.image.size_bytes),
            ..recent
        };
        let found = walk(catalog, &order, &only, 1).await;
        assert_eq!(found.last(), Some(last));
    }
}

async fn tags_are_put_and_taken(catalog: &dyn Catalog) {
    let change = |add: &[&str], remove: &[&str]| TagChange {
        add: add.iter().map(|text| tag(text)).collect(),
        remove: remove.iter().map(|text| tag(text)).collect(),
    };
    let put = async |n, change: &TagChange| {
        let audit = entry("image.tag", &format!("tag {n}"));
        catalog.tag_image(id(n), change, &audit).await.unwrap()
    };
    catalog
        .record_images(&[alone(&image(20_110))])
        .await
        .unwrap();
    assert!(put(20_110, &change(&["b", "a", "a"], &["c"])).await);
    assert_eq!(tags_of(catalog, 20_110).await, ["a", "b"]);
    assert!(put(20_110, &change(&["c", "b"], &["a"])).await);
    assert_eq!(tags_of(catalog, 20_110).await, ["b", "c"]);
    let actions = audited(catalog, "tag 20110").await;
    assert_eq!(actions, ["image.tag", "image.tag"]);

    assert!(!put(9_999_999, &change(&["a"], &[])).await);
    assert!(tags_of(catalog, 9_999_999).await.is_empty());
    assert!(audited(catalog, "tag 9999999").await.is_empty());
}

async fn the_first_appearance_stays(catalog: &dyn Catalog) {
    let swatch = |rgb, share_percent| Swatch { rgb, share_percent };
    let first = Appearance {
        blurhash: "LEHV6nWB2yk8pyo0adR*.7kCMdnj".to_owned(),
        thumbhash: vec![0, 0x80, 0xff],
        dominant_rgb: [0, 0x0a, 0xff],
        palette: vec![swatch([0, 0x0a, 0xff], 70), swatch([255, 1, 0], 5)],
        perceptual_hash: PerceptualHash(0x8000_0000_0000_0001),
        sharpness: 1_040_400,
    };
    let second = Appearance {
        blurhash: "L6PZfSi_.AyE_3t7t7R**0o#DgR4".to_owned(),
        palette: Vec::new(),
        ..first.clone()
    };
    let find = async |n| catalog.find_appearance(id(n)).await.unwrap();
    assert_eq!(find(20_000).await, None);
    for appearance in [&first, &second] {
        let recorded = catalog.record_appearance(id(20_000), appearance).await;
        recorded.unwrap();
        assert_eq!(find(20_000).await.as_ref(), Some(&first));
    }
    let unknown = catalog.record_appearance(id(9_999_999), &first).await;
    unknown.unwrap();
    assert_eq!(find(9_999_999).await, None);

    let nothing_opaque = catalog.record_appearance(id(20_001), &second).await;
    nothing_opaque.unwrap();
    assert_eq!(find(20_001).await, Some(second));
}

fn searched(n: u64) -> NewImage {
    let even = n.is_multiple_of(2);
    let mut tags = vec![tag("search")];
    tags.extend(n.is_multiple_of(3).then(|| tag("third")));
    let path = format!("/search/{n}");
    let mut aliases = vec![name(None, &path)];
    aliases.extend(even.then(|| name(Some(HOST), &path)));
    NewImage {
        aliases,
        tags,
        ..alone(&Image {
            media: if even {
                MediaType::Jpeg
            } else {
                MediaType::Png
            },
            ingested_at: SINCE + i64::try_from(n % 10).unwrap(),
            ..image(n)
        })
    }
}

fn newest() -> SearchOrder {
    SearchOrder::Newest { after: None }
}

fn by_tag(text: &str) -> SearchOrder {
    SearchOrder::Tag {
        tag: tag(text),
        after: None,
    }
}

fn by_alias(host: Option<&str>, prefix: &str) -> SearchOrder {
    SearchOrder::Alias {
        host: host.map(|host| host.parse().unwrap()),
        prefix: prefix.parse().unwrap(),
        after: None,
    }
}

async fn search(
    catalog: &dyn Catalog,
    order: &SearchOrder,
    filter: &ImageFilter,
    limit: u32,
) -> ImageMatches {
    let search = ImageSearch {
        order: order.clone(),
        filter: filter.clone(),
        limit,
    };
    catalog.search_images(&search).await.unwrap()
}

/// All pages from `order` on.
async fn walk(
    catalog: &dyn Catalog,
    order: &SearchOrder,
    filter: &ImageFilter,
    limit: u32,
) -> Vec<ImageMatch> {
    let mut walked = Vec::new();
    let mut next = Some(order.clone());
    while let Some(order) = next {
        let page = search(catalog, &order, filter, limit).await;
        assert!(page.found.len() <= limit.max(1) as usize);
        assert_ne!(page.next.as_ref(), Some(&order), "leads on");
        walked.extend(page.found);
        next = page.next;
    }
    walked
}

fn ids(matches: &[ImageMatch]) -> Vec<ImageId> {
    matches.iter().map(|one| one.image.id).collect()
}

fn tag(text: &str) -> Tag {
    text.parse().unwrap()
}

async fn tags_of(catalog: &dyn Catalog, n: u64) -> Vec<String> {
    let tags = catalog.list_tags_of(id(n)).await.unwrap();
    tags.iter().map(|tag| tag.as_str().to_owned()).collect()
}
