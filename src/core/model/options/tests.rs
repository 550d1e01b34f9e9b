//! Options as they are written, read, refused and printed.

use proptest::prelude::*;

use super::*;
use crate::model::geometry::Gravity;
use crate::model::recipe::{
    Chroma, ColourProfile, Effort, Encoding, Frames, MetadataKept, QualityTarget, Scan,
};
use crate::model::turn::Flip;

#[test]
fn any_order_has_one_canonical_form() {
    let canonical = "w=320,h=240,dpr=1.5,fit=cover,gravity=0.2x1,q=70,background=00ff00";
    let shuffled = "background=#00FF00,quality=70,g=.2x1,fit=cover,height=240,dpr=1.50,width=320";
    assert_eq!(shuffled.parse::<Options>().unwrap().to_string(), canonical);
    assert_eq!(canonical.parse::<Options>().unwrap().to_string(), canonical);
}

#[test]
fn defaults_are_left_out() {
    let spelled = "w=1,fit=contain,gravity=center,dpr=1,background=ffffff,enlarge=0";
    assert_eq!(spelled.parse::<Options>().unwrap().to_string(), "w=1");
}

#[test]
fn dpr_multiplies_the_box() {
    let options: Options = "w=101,h=50,dpr=1.5".parse().unwrap();
    let layout = options.recipe(OutputFormat::Webp).layout;
    assert_eq!((layout.width_px, layout.height_px), (Some(152), Some(75)));
}

#[test]
fn nonsense_is_refused() {
    let bad = [
        "",
        "w",
        "w=",
        "w=0",
        "w=-1",
        "w=01",
        "w=70000",
        "w=1,w=2",
        "w=1,width=2",
        "fit=cover",
        "w=1,zoom=2",
        "w=1,q=0",
        "w=1,q=101",
        "w=1,dpr=0.5",
        "w=1,dpr=5",
        "w=1,",
        "w=1,fit=x",
    ];
    for text in bad {
        assert!(text.parse::<Options>().is_err(), "{text}");
    }
    assert!(
        format!("w=1,{}", "x=1,".repeat(60))
            .parse::<Options>()
            .is_err()
    );
}

#[test]
fn later_words_stand_after_the_old_ones_in_one_order() {
    let canonical = "w=9,q=7,enlarge=1,trim=10,rotate=270,flip=hv,blur=0.3,sharpen=1,watermark=a-b,\
                     anim=1,maxbytes=1000,lossless=1,colors=2,chroma=444,progressive=1,metadata=none,profile=keep,effort=slow";
    let shuffled = "effort=slow,profile=keep,metadata=none,progressive=true,chroma=444,colors=2,lossless=1,maxbytes=1000,anim=1,\
                    watermark=a-b,sharpen=1.0,blur=.3,flip=hv,rotate=270,trim=border,enlarge=1,q=7,w=9";
    assert_eq!(shuffled.parse::<Options>().unwrap().to_string(), canonical);
    assert_eq!(canonical.parse::<Options>().unwrap().to_string(), canonical);
}

#[test]
fn defaults_of_later_words_are_left_out() {
    let spelled = "w=1,anim=0,ssim2=70,qmin=40,qmax=90,lossless=false,chroma=420,progressive=0,metadata=copyright,profile=srgb";
    assert_eq!(
        spelled.parse::<Options>().unwrap().to_string(),
        "w=1,ssim2=70"
    );
}

#[test]
fn every_word_reaches_the_recipe() {
    let text = "w=9,g=auto,trim=7,flip=v,blur=2.5,sharpen=0.5,watermark=a,anim=1,ssim2=80,qmin=20,\
                qmax=95,maxbytes=5000,lossless=1,colors=64,chroma=444,progressive=1,metadata=none,profile=keep,effort=slow";
    let recipe = text.parse::<Options>().unwrap().recipe(OutputFormat::Avif);
    let Recipe {
        layout,
        effects,
        encoding,
    } = recipe;

    assert_eq!(layout.gravity, Gravity::Auto);
    assert_eq!(layout.trim.unwrap().tolerance_percent(), 7);
    assert_eq!(layout.flip, Flip::Vertical);
    assert!((effects.blur.unwrap().px() - 2.5).abs() < 1e-9);
    assert!((effects.sharpen.unwrap().value() - 0.5).abs() < 1e-9);
    assert_eq!(effects.watermark.unwrap().to_string(), "a");
    let expected = Encoding {
        format: OutputFormat::Avif,
        quality: Quality::Target(QualityTarget {
            ssim2: 80,
            quality_min: 20,
            quality_max: 95,
        }),
        bytes_max: Some(5000),
        lossless: true,
        chroma: Chroma::Full,
        scan: Scan::Progressive,
        colours: Some(64),
        frames: Frames::All,
        metadata: MetadataKept::Nothing,
        profile: ColourProfile::Keep,
        effort: Effort::Slow,
    };
    assert_eq!(encoding, expected);
}

const REFUSALS: [(&str, &str); 30] = [
    (
        "w=1,trim=0",
        "option `trim` is `0`, expected 1 to 100, or border",
    ),
    (
        "w=1,trim=101",
        "option `trim` is `101`, expected 1 to 100, or border",
    ),
    (
        "w=1,rotate=0",
        "option `rotate` is `0`, expected 90, 180 or 270",
    ),
    (
        "w=1,rotate=45",
        "option `rotate` is `45`, expected 90, 180 or 270",
    ),
    ("w=1,flip=vh", "option `flip` is `vh`, expected h, v or hv"),
    (
        "w=1,blur=0.2",
        "option `blur` is `0.2`, expected 0.3 to 250 with one decimal at most",
    ),
    (
        "w=1,blur=1.25",
        "option `blur` is `1.25`, expected 0.3 to 250 with one decimal at most",
    ),
    (
        "w=1,sharpen=0",
        "option `sharpen` is `0`, expected 0.1 to 10 with one decimal at most",
    ),
    (
        "w=1,sharpen=10.1",
        "option `sharpen` is `10.1`, expected 0.1 to 10 with one decimal at most",
    ),
    (
        "w=1,watermark=Logo",
        "option `watermark` is `Logo`, expected the name of a watermark: a lower-case letter, \
             then up to 31 letters, digits, `-` or `_`",
    ),
    ("w=1,anim=2", "option `anim` is `2`, expected 0 or 1"),
    ("w=1,ssim2=29", "option `ssim2` is `29`, expected 30 to 95"),
    ("w=1,ssim2=96", "option `ssim2` is `96`, expected 30 to 95"),
    (
        "w=1,ssim2=70,qmin=0",
        "option `qmin` is `0`, expected 1 to 100",
    ),
    (
        "w=1,ssim2=70,qmax=101",
        "option `qmax` is `101`, expected 1 to 100",
    ),
    (
        "w=1,ssim2=70,qmin=91",
        "option `qmin` is 91, above `qmax`, which is 90",
    ),
    (
        "w=1,qmin=40",
        "option `qmin` bounds what `ssim2` chooses, and `ssim2` is not given",
    ),
    (
        "w=1,qmax=40",
        "option `qmax` bounds what `ssim2` chooses, and `ssim2` is not given",
    ),
    (
        "w=1,q=80,ssim2=70",
        "option `ssim2` chooses the quality and excludes a fixed one",
    ),
    (
        "w=1,maxbytes=999",
        "option `maxbytes` is `999`, expected 1000 to 10000000",
    ),
    (
        "w=1,maxbytes=10000001",
        "option `maxbytes` is `10000001`, expected 1000 to 10000000",
    ),
    (
        "w=1,lossless=yes",
        "option `lossless` is `yes`, expected 0 or 1",
    ),
    ("w=1,colors=1", "option `colors` is `1`, expected 2 to 256"),
    (
        "w=1,colors=257",
        "option `colors` is `257`, expected 2 to 256",
    ),
    (
        "w=1,chroma=422",
        "option `chroma` is `422`, expected 420 or 444",
    ),
    (
        "w=1,progressive=",
        "option `progressive` is ``, expected 0 or 1",
    ),
    (
        "w=1,metadata=keep",
        "option `metadata` is `keep`, expected copyright or none",
    ),
    (
        "w=1,profile=p3",
        "option `profile` is `p3`, expected srgb or keep",
    ),
    ("w=1,trim=5,trim=border", "option `trim` is given twice"),
    (
        "w=1,watermark=logo@1a2b3c4d",
        "option `watermark` is `logo@1a2b3c4d`, expected the name of a watermark: \
          a lower-case letter, then up to 31 letters, digits, `-` or `_`",
    ),
];

#[test]
fn a_refusal_says_what_is_expected() {
    for (text, message) in REFUSALS {
        let error = text.parse::<Options>().unwrap_err();
        assert_eq!(error.to_string(), message, "{text}");
    }
    let unknown = "w=1,zoom=2".parse::<Options>().unwrap_err().to_string();
    assert!(
        unknown.contains("`zoom`") && unknown.contains("watermark"),
        "{unknown}"
    );
}

#[test]
fn a_file_name_has_room_for_the_longest_options() {
    let name = format!(
        "{}.{}.webp",
        "0".repeat(40),
        "x".repeat(Options::TEXT_LEN_MAX)
    );
    assert!(format!(".{name}.XXXXXX").len() <= 255);
}

#[test]
fn options_that_are_too_long_once_they_are_canonical_are_refused() {
    let fixed = "w=65535,h=65535,dpr=1.25,fit=inside,background=00ff00,enlarge=1,trim=100,blur=249.9,flip=hv,colors=255,sharpen=1.5,maxbytes=10000,";
    let watermark = |len: usize| {
        format!(
            "{fixed}g=0.125x.25,rotate=270,watermark={}",
            "a".repeat(len)
        )
    };
    let written = |len: usize| watermark(len).parse::<Options>();

    let longest = (1..=32).rev().find_map(|len| written(len).ok()).unwrap();
    assert_eq!(longest.to_string().len(), Options::TEXT_LEN_MAX);
    assert_eq!(longest.to_string().parse(), Ok(longest));
    assert!(watermark(32).len() <= Options::TEXT_LEN_MAX);
    assert_eq!(written(32), Err(InvalidOptions::TooLong));
    let error = InvalidOptions::TooLong.to_string();
    assert!(error.contains("200") && error.contains("preset"), "{error}");
}

/// One option in any of its values, most of them valid.
fn any_option() -> impl Strategy<Value = String> {
    prop_oneof![
        (0_u32..70_000).prop_map(|px| format!("w={px}")),
        (0_u32..70_000).prop_map(|px| format!("height={px}")),
        (100_u32..=400).prop_map(|percent| format!("dpr={}", f64::from(percent) / 100.0)),
        "fit=(contain|cover|inside|pad|fill)",
        "g=(auto|entropy|top|0\\.[0-9]{1,3}x1)",
        (0_u32..=101).prop_map(|quality| format!("q={quality}")),
        "background=[0-9a-f]{6}",
        (0_u32..=101).prop_map(|percent| format!("trim={percent}")),
        "rotate=(90|180|270)",
        "flip=(h|v|hv)",
        (0_u32..=2600).prop_map(|tenths| format!("blur={}.{}", tenths / 10, tenths % 10)),
        (0_u32..=110).prop_map(|tenths| format!("sharpen={}.{}", tenths / 10, tenths % 10)),
        "watermark=[a-z][a-z0-9_-]{0,31}",
        (25_u32..=100).prop_map(|score| format!("ssim2={score}")),
        (0_u32..=101).prop_map(|quality| format!("qmin={quality}")),
        (0_u32..=101).prop_map(|quality| format!("qmax={quality}")),
        (900_u32..10_000_100).prop_map(|bytes| format!("maxbytes={bytes}")),
        (0_u32..=260).prop_map(|colours| format!("colors={colours}")),
        "(anim|lossless|progressive|enlarge)=(0|1|true|false)",
        "chroma=4(20|44)",
        "metadata=(none|copyright)",
        "profile=(srgb|keep)",
        "effort=(fast|usual|slow)",
    ]
}

proptest::proptest! {
    #[test]
    fn any_options_in_any_order_round_trip(
        options in proptest::collection::vec(any_option(), 1..12),
        at in 0_usize..12,
    ) {
        let mut options = options;
        if let Ok(read) = options.join(",").parse::<Options>() {
            let canonical = read.to_string();
            prop_assert_eq!(canonical.parse::<Options>().unwrap(), read);
            prop_assert_eq!(canonical.parse::<Options>().unwrap().to_string(), canonical);
            let count = options.len();
            options.rotate_left(at % count);
            prop_assert_eq!(options.join(",").parse::<Options>().unwrap(), read);
        }
    }

    #[test]
    fn parsing_never_panics_and_display_is_a_fixed_point(text in "[a-z0-9=,.x#-]{0,60}") {
        if let Ok(options) = text.parse::<Options>() {
            let canonical = options.to_string();
            proptest::prop_assert_eq!(canonical.parse::<Options>().unwrap(), options);
            proptest::prop_assert!(canonical.len() <= Options::TEXT_LEN_MAX);
        }
    }
}
