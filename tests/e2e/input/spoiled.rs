//! Good requests with something wrong in them: every field gets every bad value of its kind, and
//! the bytes as a whole are cut, flipped, nested and joined.

use prost::Message;
use prost::encoding::{WireType, encode_key, encode_varint};
use prost_reflect::{
    DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, ReflectMessage, Value,
};

use super::dice::Dice;

/// Bit flips of each request, random messages and random bytes.
const DRAWN: usize = 8;
/// A text that SQLite keeps and PostgreSQL does not even take.
const WITH_NUL: &str = "a\0b";
/// Elements of a list that is far too long.
const TOO_MANY: usize = 3_000;

/// One thing to be wrong with a request.
#[derive(Clone)]
pub struct Case {
    /// The field it is about, from the outside in; nothing for the whole message.
    pub path: Vec<FieldDescriptor>,
    /// What is done there.
    pub change: Change,
    /// Whether what comes out is no message of that kind, whatever else is true of it.
    pub is_unreadable: bool,
}

/// What is done to a message.
#[derive(Clone)]
pub enum Change {
    /// A field gets this value.
    Set(FieldDescriptor, Value),
    /// Several get one.
    SetAll(Vec<(FieldDescriptor, Value)>),
    /// A field goes.
    Clear(FieldDescriptor),
    /// These bytes come after the message.
    Append(Vec<u8>),
    /// These bytes come instead of the message.
    Replace(Vec<u8>),
    /// A part of the message is missing: what begins at so many thousandths.
    Cut(usize),
    /// Bits are flipped, at so many thousandths of the message.
    Flip(Vec<(usize, u8)>),
    /// The message comes twice.
    Double,
}

impl Case {
    /// What it is called in a complaint.
    pub fn name(&self) -> String {
        let path: Vec<_> = self.path.iter().map(|field| field.name().to_owned()).collect();
        let change = match &self.change {
            Change::Set(field, value) => format!("{} = {value:?}", field.name()),
            Change::SetAll(all) => {
                let set = all.iter().map(|(field, value)| format!("{} = {value:?}", field.name()));
                set.collect::<Vec<_>>().join(", ")
            }
            Change::Clear(field) => format!("without {}", field.name()),
            Change::Append(bytes) => format!("and {bytes:x?}"),
            Change::Replace(bytes) => format!("only {bytes:x?}"),
            Change::Cut(at) => format!("cut at {at}/1000"),
            Change::Flip(bits) => format!("flipped at {bits:?}"),
            Change::Double => "twice".to_owned(),
        };
        let short: String = change.chars().take(160).collect();
        format!("{}: {short}", path.join("."))
    }

    /// The spoiled request.
    pub fn bytes(&self, good: &DynamicMessage) -> Vec<u8> {
        spoil(good, &self.path, &self.change)
    }

    /// Whether it is a text with a NUL in it: the one thing that the databases differ in.
    pub fn has_nul(&self) -> bool {
        let is_it = |value: &Value| value.as_str() == Some(WITH_NUL);
        match &self.change {
            Change::Set(_, Value::List(list)) => list.len() == 1 && list.iter().all(is_it),
            Change::Set(_, value) => is_it(value),
            _ => false,
        }
    }

    /// The field it spoils, for counting.
    pub fn field(&self) -> Option<String> {
        let inner = match &self.change {
            Change::Set(field, _) | Change::Clear(field) => Some(field),
            _ => None,
        };
        let names: Vec<_> = self.path.iter().chain(inner).map(|f| f.name().to_owned()).collect();
        if names.is_empty() { None } else { Some(names.join(".")) }
    }
}

fn at(bytes: &[u8], thousandths: usize) -> usize {
    bytes.len() * thousandths / 1_000
}

fn spoil(message: &DynamicMessage, path: &[FieldDescriptor], change: &Change) -> Vec<u8> {
    if let Some((field, rest)) = path.split_first() {
        let value = message.get_field(field);
        let inner = match value.as_ref() {
            Value::Message(inner) => inner.clone(),
            Value::List(list) => match list.first() {
                Some(Value::Message(inner)) => inner.clone(),
                _ => return message.encode_to_vec(),
            },
            _ => return message.encode_to_vec(),
        };
        let inner = spoil(&inner, rest, change);
        let mut outer = message.clone();
        outer.clear_field(field);
        let mut bytes = outer.encode_to_vec();
        append_delimited(field.number(), &inner, &mut bytes);
        return bytes;
    }
    let mut changed = message.clone();
    let mut bytes = message.encode_to_vec();
    match change {
        Change::Set(field, value) => {
            changed.set_field(field, value.clone());
            return changed.encode_to_vec();
        }
        Change::SetAll(all) => {
            for (field, value) in all {
                changed.set_field(field, value.clone());
            }
            return changed.encode_to_vec();
        }
        Change::Clear(field) => {
            changed.clear_field(field);
            return changed.encode_to_vec();
        }
        Change::Append(more) => bytes.extend(more),
        Change::Replace(other) => bytes.clone_from(other),
        Change::Cut(from) => bytes.truncate(at(&bytes, *from)),
        Change::Flip(bits) => {
            for (place, bit) in bits {
                let place = at(&bytes, *place);
                if let Some(byte) = bytes.get_mut(place) {
                    *byte ^= 1 << (bit % 8);
                }
            }
        }
        Change::Double => bytes.extend(bytes.clone()),
    }
    bytes
}

fn append_delimited(number: u32, content: &[u8], to: &mut Vec<u8>) {
    encode_key(number, WireType::LengthDelimited, to);
    encode_varint(u64::try_from(content.len()).expect("a length"), to);
    to.extend(content);
}

/// Texts that are no good where a text of that kind belongs.
fn bad_texts(good: &str) -> Vec<String> {
    let fixed = [
        "",
        " ",
        "x",
        "nonsense",
        "\0",
        WITH_NUL,
        "a\nb",
        "-1",
        "null",
        "{}",
        "' or 1=1 --",
        "../../etc/passwd",
        "%00%s%n",
        "\u{202e}\u{feff}",
        "\u{1f3ab}\u{1f3ab}",
        "00000000-0000-0000-0000-000000000000",
        "evt_",
        "usr_00000000000000000000000000000000",
        "<script>alert(1)</script>",
        "${jndi:ldap://a/b}",
    ];
    let mut texts: Vec<String> = fixed.map(str::to_owned).into();
    texts.extend([2_000, 100_000].map(|length| "A".repeat(length)));
    texts.push("\u{10ffff}".repeat(5_000));
    if !good.is_empty() {
        texts.extend([good.to_uppercase(), format!("{good}0"), format!(" {good}")]);
        texts.push(good.chars().skip(1).collect());
        texts.push(good.chars().rev().collect());
        if let Some((prefix, digits)) = good.split_once('_') {
            // An id of another kind, and one without a kind.
            let other = if prefix == "evt" { "bkg" } else { "evt" };
            texts.extend([format!("{other}_{digits}"), digits.to_owned()]);
        }
    }
    texts
}

fn bad_scalars(kind: &Kind, good: &Value) -> Vec<Value> {
    match kind {
        Kind::String => {
            let texts = bad_texts(good.as_str().unwrap_or_default());
            texts.into_iter().map(Value::String).collect()
        }
        Kind::Bytes => vec![Value::Bytes(vec![0xff; 100_000].into())],
        Kind::Bool => vec![Value::Bool(true), Value::Bool(false)],
        Kind::Enum(_) => [0, 1, 2, 77, -1, i32::MAX, i32::MIN].map(Value::EnumNumber).into(),
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => {
            [0, 1, -1, 101, 1_000_001, i32::MAX, i32::MIN].map(Value::I32).into()
        }
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => {
            [0, 1, -1, 253_402_300_800, -62_135_596_801, i64::MAX, i64::MIN].map(Value::I64).into()
        }
        Kind::Message(_) => Vec::new(),
        other => panic!("there are no bad values for a field of {other:?}: add some"),
    }
}

/// Bytes that no field of this kind may have, with its number.
fn wrong_bytes(field: &FieldDescriptor) -> Vec<(Vec<u8>, bool)> {
    let with = |wire: WireType, content: &[u8]| {
        let mut bytes = Vec::new();
        encode_key(field.number(), wire, &mut bytes);
        bytes.extend(content);
        bytes
    };
    let delimited = field.kind().wire_type() == WireType::LengthDelimited;
    // A number may come packed where there can be several, so that two kinds are right there.
    let may_be_packed = field.is_list() && !delimited;
    let endless = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
    let mut wrong = vec![
        (with(WireType::ThirtyTwoBit, &[1, 2, 3, 4]), true),
        (with(WireType::SixtyFourBit, &[1, 2, 3, 4, 5, 6, 7, 8]), true),
        (with(WireType::StartGroup, &[]), true),
        (with(WireType::EndGroup, &[]), true),
        (with(WireType::Varint, &endless), true),
        (with(WireType::LengthDelimited, &[0xff, 0xff, 0xff, 0xff, 0x07]), true),
        (with(WireType::LengthDelimited, &[9, b'a']), true),
        (with(WireType::Varint, &[5]), delimited),
    ];
    if !may_be_packed {
        wrong.push((with(WireType::LengthDelimited, &[2, b'a', b'b']), !delimited));
    }
    if matches!(field.kind(), Kind::String) {
        for no_text in [&[2, 0xc3, 0x28][..], &[3, 0xff, 0xfe, 0x00], &[3, 0xed, 0xa0, 0x80]] {
            wrong.push((with(WireType::LengthDelimited, no_text), true));
        }
    }
    wrong
}

/// Cases of one field of a message.
fn cases_of(message: &DynamicMessage, field: &FieldDescriptor, cases: &mut Vec<(Change, bool)>) {
    let good = message.get_field(field);
    cases.push((Change::Clear(field.clone()), false));
    cases.extend(wrong_bytes(field).into_iter().map(|(b, no)| (Change::Append(b), no)));
    if !field.is_list() {
        let bad = bad_scalars(&field.kind(), &good).into_iter();
        cases.extend(bad.map(|value| (Change::Set(field.clone(), value), false)));
        return;
    }
    let first = good.as_list().and_then(|list| list.first().cloned());
    let element = first.unwrap_or_else(|| Value::default_value(&field.kind()));
    let list = |values: Vec<Value>| (Change::Set(field.clone(), Value::List(values)), false);
    for bad in bad_scalars(&field.kind(), &element) {
        cases.push(list(vec![bad.clone()]));
        cases.push(list(vec![element.clone(), bad]));
    }
    cases.push(list(vec![element.clone(); 2]));
    cases.push(list(vec![element; TOO_MANY]));
}

fn walk(message: &DynamicMessage, path: &[FieldDescriptor], cases: &mut Vec<Case>) {
    let descriptor: MessageDescriptor = message.descriptor();
    for field in descriptor.fields() {
        let mut found = Vec::new();
        cases_of(message, &field, &mut found);
        cases.extend(found.into_iter().map(|(change, is_unreadable)| Case {
            path: path.to_vec(),
            change,
            is_unreadable,
        }));
        let value = message.get_field(&field);
        let inner = match value.as_ref() {
            Value::Message(inner) if message.has_field(&field) => Some(inner.clone()),
            Value::List(list) => list.first().and_then(|v| v.as_message().cloned()),
            _ => None,
        };
        if let Some(inner) = inner {
            walk(&inner, &[path, &[field]].concat(), cases);
        }
    }
}

/// Groups that nest, and messages in messages, beyond reason.
fn nested() -> [Vec<u8>; 2] {
    let groups = vec![0x0b; 20_000];
    let messages = (0..5_000).fold(Vec::new(), |inner: Vec<u8>, _| {
        let mut outer = Vec::new();
        append_delimited(2, &inner, &mut outer);
        outer
    });
    [groups, messages]
}

/// A message with something or other in its fields.
fn random(descriptor: &MessageDescriptor, dice: &mut Dice) -> DynamicMessage {
    let mut message = DynamicMessage::new(descriptor.clone());
    for field in descriptor.fields() {
        if dice.below(3) == 0 {
            continue;
        }
        let mut value = || match field.kind() {
            Kind::Message(inner) => Value::Message(random(&inner, dice)),
            kind => dice.one_of(&bad_scalars(&kind, &Value::default_value(&kind))).clone(),
        };
        let value = match field.is_list() {
            true => Value::List(vec![value(), value()]),
            false => value(),
        };
        message.set_field(&field, value);
    }
    message
}

/// Everything that is to be wrong with a request.
pub fn cases(good: &DynamicMessage, dice: &mut Dice) -> Vec<Case> {
    let mut cases = Vec::new();
    walk(good, &[], &mut cases);
    let descriptor = good.descriptor();
    let single: Vec<(FieldDescriptor, Value)> = cases
        .iter()
        .filter(|case| case.path.is_empty())
        .filter_map(|case| match &case.change {
            Change::Set(field, value) => Some((field.clone(), value.clone())),
            _ => None,
        })
        .collect();
    let mut whole = vec![Change::Double, Change::Replace(Vec::new())];
    whole.extend(nested().map(Change::Append));
    for _ in 0..DRAWN {
        let (cut, count) = (dice.below(1_000), 1 + dice.below(8));
        whole.push(Change::Cut(cut));
        let bits = (0..count).map(|_| (dice.below(1_000), dice.bytes(1)[0]));
        whole.push(Change::Flip(bits.collect()));
        let length = dice.below(200);
        whole.push(Change::Replace(dice.bytes(length)));
        whole.push(Change::Replace(random(&descriptor, dice).encode_to_vec()));
        // Fields that nobody knows are no fault.
        let mut unknown = Vec::new();
        append_delimited(1_000 + u32::from(dice.bytes(1)[0]), &dice.bytes(40), &mut unknown);
        whole.push(Change::Append(unknown));
        if !single.is_empty() {
            let several = (0..3).map(|_| dice.one_of(&single).clone());
            whole.push(Change::SetAll(several.collect()));
        }
    }
    let whole = whole.into_iter();
    cases.extend(whole.map(|change| Case { path: Vec::new(), change, is_unreadable: false }));
    cases
}
