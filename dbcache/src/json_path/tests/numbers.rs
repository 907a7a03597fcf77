//! Every form of number against arithmetic with all digits.

use std::cmp::Ordering;

use proptest::prelude::*;

use super::*;
use crate::convert;

/// A number as all its digits: `digits` times ten to the power of `exponent`, without zeros at either end.
#[derive(Debug, PartialEq, Eq)]
struct Exact {
    negative: bool,
    digits: String,
    exponent: i64,
}

impl Exact {
    fn new(negative: bool, digits: &str, exponent: i64) -> Self {
        let significant = digits.trim_start_matches('0').trim_end_matches('0');
        let zeros = digits.len() - digits.trim_end_matches('0').len();
        let exponent = if significant.is_empty() { 0 } else { exponent + i64::try_from(zeros).expect("few digits") };
        Self { negative, digits: significant.to_owned(), exponent }
    }

    /// The float's value: its fraction times a power of two, multiplied out digit by digit.
    fn of_float(float: f64) -> Self {
        let bits = float.to_bits();
        let (exponent, fraction) = ((bits >> 52) & 0x7ff, bits & ((1 << 52) - 1));
        let (fraction, power) = match i64::try_from(exponent).expect("11 bits") {
            0 => (fraction, -1074),
            exponent => (fraction | 1 << 52, exponent - 1075),
        };
        let factor = if power < 0 { 5 } else { 2 };
        let mut digits: Vec<u32> = fraction.to_string().bytes().rev().map(|digit| u32::from(digit - b'0')).collect();
        for _ in 0..power.abs() {
            let mut carry = 0;
            for digit in &mut digits {
                carry += *digit * factor;
                *digit = carry % 10;
                carry /= 10;
            }
            digits.extend((carry > 0).then_some(carry));
        }
        let digits: String = digits.iter().rev().map(|digit| char::from_digit(*digit, 10).expect("a digit")).collect();
        // To divide by two is to multiply by five and to divide by ten.
        Self::new(float.is_sign_negative(), &digits, power.min(0))
    }

    /// The number rounded to so many digits.
    fn rounded(&self, count: usize) -> Self {
        if self.digits.len() <= count {
            return Self { digits: self.digits.clone(), ..*self };
        }
        let (kept, rest) = self.digits.split_at(count);
        let is_odd = kept.ends_with(['1', '3', '5', '7', '9']);
        let up = match rest.cmp("5") {
            Ordering::Greater => true,
            Ordering::Equal => is_odd,
            Ordering::Less => false,
        };
        let digits = if up { one_more(kept) } else { kept.to_owned() };
        let exponent = self.exponent + i64::try_from(rest.len()).expect("few digits");
        Self::new(self.negative, &digits, exponent)
    }

    /// The digits of an integer; `None` for a fraction.
    fn integer(&self) -> Option<String> {
        let zeros = "0".repeat(usize::try_from(self.exponent).ok()?);
        let sign = if self.negative && !self.digits.is_empty() { "-" } else { "" };
        let digits = if self.digits.is_empty() { "0" } else { &self.digits };
        Some(format!("{sign}{digits}{zeros}"))
    }
}

/// An integer's digits plus one.
fn one_more(digits: &str) -> String {
    let head = digits.trim_end_matches('9');
    let nines = digits.len() - head.len();
    let (head, last) = head.split_at(head.len().saturating_sub(1));
    let last = last.parse().map_or(1, |last: u8| last + 1);
    format!("{head}{last}{}", "0".repeat(nines))
}

/// A number as it is written.
#[derive(Clone, Debug)]
struct Written {
    negative: bool,
    whole: String,
    fraction: String,
    exponent: Option<i32>,
}

impl Written {
    fn text(&self) -> String {
        let sign = if self.negative { "-" } else { "" };
        let point = if self.fraction.is_empty() { "" } else { "." };
        let exponent = self.exponent.map(|exponent| format!("e{exponent}")).unwrap_or_default();
        format!("{sign}{}{point}{}{exponent}", self.whole, self.fraction)
    }

    fn exact(&self) -> Exact {
        let after_point = i64::try_from(self.fraction.len()).expect("few digits");
        let exponent = i64::from(self.exponent.unwrap_or(0)) - after_point;
        Exact::new(self.negative, &format!("{}{}", self.whole, self.fraction), exponent)
    }

    fn is_integer(&self) -> bool {
        self.fraction.is_empty() && self.exponent.is_none() && self.text() != "-0"
    }

    /// Whether the nearest float holds the number.
    fn is_held(&self) -> bool {
        let nearest: f64 = self.text().parse().expect("it is a number");
        let exact = self.exact();
        if !nearest.is_finite() {
            return false;
        }
        let float = Exact::of_float(nearest);
        if self.is_integer() {
            float == exact || exact.digits.is_empty()
        } else {
            float.rounded(exact.digits.len()) == exact
        }
    }
}

fn written() -> impl Strategy<Value = Written> {
    let whole =
        || "0|[1-9][0-9]{0,4}|[1-9][0-9]{13,22}|[1-9][0-9]{30,42}|90071992547409[0-9]{2}|9223372036854775[0-9]{3}";
    let parts =
        (any::<bool>(), whole(), "|[0-9]{1,3}|[0-9]{12,20}|0{1,25}", prop::option::of(prop_oneof![-5..25, -420..420]));
    let parts = parts.prop_map(|(negative, whole, fraction, exponent)| Written { negative, whole, fraction, exponent });
    let of_float = any::<f64>().prop_filter("JSON has no others", |float| float.is_finite());
    let of_float = prop_oneof![of_float, (any::<i32>(), 1..1_000_000).prop_map(|(n, m)| f64::from(n) / f64::from(m))];
    let of_float = (of_float, 15_usize..18).prop_map(|(float, digits)| {
        let text = if digits == 15 { format!("{:e}", float.abs()) } else { format!("{:.digits$e}", float.abs()) };
        let (mantissa, exponent) = text.split_once('e').expect("it has an exponent");
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        Written {
            negative: float.is_sign_negative(),
            whole: whole.to_owned(),
            fraction: fraction.to_owned(),
            exponent: exponent.parse().ok(),
        }
    });
    prop_oneof![3 => parts, 1 => of_float]
}

fn decimals() -> impl Strategy<Value = (usize, usize)> {
    (1_usize..39).prop_flat_map(|precision| (Just(precision), 0..=precision))
}

fn document(number: &Written) -> Series {
    documents(&[&format!(r#"{{"a":{}}}"#, number.text())])
}

fn pinned(number: &Written, data_type: &DataType) -> Series {
    let lenient = try_one(&document(number), &dotted("a"), Some(data_type), Strictness::Lenient);
    let lenient = lenient.expect("lenient extraction has no errors");
    match try_one(&document(number), &dotted("a"), Some(data_type), Strictness::Strict) {
        Ok(strict) => assert!(strict.equals_missing(&lenient), "{} as {data_type}", number.text()),
        Err(_) => assert_eq!(lenient.null_count(), 1, "{} as {data_type}", number.text()),
    }
    let in_text = documents(&[&format!(r#"{{"a":"{}"}}"#, number.text())]);
    let in_text = try_one(&in_text, &dotted("a"), Some(data_type), Strictness::Lenient).expect("it is lenient");
    // A string is what a column of text would be.
    let text = Series::new(PlSmallStr::EMPTY, [number.text()]);
    let of_text = convert::by_row(&text, data_type).expect("a column").values;
    assert!(in_text.equals_missing(&of_text), "\"{}\" as {data_type}", number.text());
    lenient
}

proptest! {
    #[test]
    fn a_number_alone_has_the_type_that_holds_it(number in written()) {
        let expected = if number.is_integer() && number.text().parse::<i64>().is_ok() {
            DataType::Int64
        } else if !number.is_integer() && number.is_held() {
            DataType::Float64
        } else {
            DataType::String
        };
        let (values, data_type) = shown(&document(&number), "a");
        prop_assert_eq!(&data_type, &expected, "{}", number.text());
        let value = values.first().expect("there is a row");
        if data_type == DataType::Float64 {
            prop_assert_eq!(value.parse::<f64>().ok(), number.text().parse().ok());
        } else {
            let value: Written = read(value);
            prop_assert_eq!(value.exact(), number.exact());
        }
    }

    #[test]
    fn a_number_beside_a_fraction_is_a_float_or_text_of_the_same_value(number in written()) {
        let column = documents(&[r#"{"a":0.5}"#, &format!(r#"{{"a":{}}}"#, number.text())]);
        let (values, data_type) = shown(&column, "a");
        prop_assert_eq!(data_type == DataType::Float64, number.is_held(), "{}", number.text());
        let value = values.get(1).expect("there are two rows");
        if data_type == DataType::Float64 {
            prop_assert_eq!(value.parse::<f64>().ok(), number.text().parse().ok());
        } else {
            prop_assert_eq!(read(value).exact(), number.exact());
        }
    }

    #[test]
    fn pinned_integers_are_exact(number in written()) {
        let integer = number.exact().integer();
        macro_rules! check {
            ($($native:ty => $data_type:ident),*) => {$(
                let expected = integer.as_ref().and_then(|integer| integer.parse::<$native>().ok());
                let found = pinned(&number, &DataType::$data_type);
                let expected = expected.map_or("null".to_owned(), |expected| expected.to_string());
                prop_assert_eq!(cells(&found), [expected], "{} as {}", number.text(), DataType::$data_type);
            )*};
        }
        check!(
            i8 => Int8, i16 => Int16, i32 => Int32, i64 => Int64, i128 => Int128,
            u8 => UInt8, u16 => UInt16, u32 => UInt32, u64 => UInt64, u128 => UInt128
        );
    }

    #[test]
    fn pinned_floats_are_exact_or_the_nearest(number in written()) {
        let exact = number.exact();
        let (large, small): (f64, f32) = (number.text().parse().expect("a number"), number.text().parse().expect("a number"));
        for (nearest, data_type) in [(large, DataType::Float64), (small.into(), DataType::Float32)] {
            let fits = nearest.is_finite()
                && (nearest == 0.0) == exact.digits.is_empty()
                && (!number.is_integer() || exact.digits.is_empty() || Exact::of_float(nearest) == exact);
            let found = pinned(&number, &data_type).cast(&DataType::Float64).expect("it is a float");
            let found = found.f64().expect("it is a float").get(0);
            prop_assert_eq!(found.map(f64::to_bits), fits.then_some(nearest.to_bits()), "{} as {}", number.text(), data_type);
        }
    }

    #[test]
    fn pinned_decimals_are_exact(number in written(), (precision, scale) in decimals()) {
        let exact = number.exact();
        let scaled = Exact::new(exact.negative, &exact.digits, exact.exponent + i64::try_from(scale).expect("it is small"));
        let scaled = scaled.integer().filter(|digits| digits.trim_start_matches('-').len() <= precision);
        let found = pinned(&number, &DataType::Decimal(precision, scale));
        let found = found.decimal().expect("it is a decimal").physical().get(0);
        prop_assert_eq!(found.map(|found| found.to_string()), scaled, "{}", number.text());
    }
}

/// Reads a number that a path gave as text.
fn read(text: &str) -> Written {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once('e') {
        Some((mantissa, exponent)) => (mantissa, exponent.parse().ok()),
        None => (unsigned, None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    Written { negative: unsigned.len() < text.len(), whole: whole.to_owned(), fraction: fraction.to_owned(), exponent }
}
