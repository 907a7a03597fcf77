//! Loops that a careful programmer would write for one struct without a derive.

use dbcache::polars::prelude::*;
use polars_arrow::array::{ListArray, Utf8ViewArray};

use crate::measure::Result;
use crate::people::{Address, Person, Profile};

pub(crate) fn to_frame(people: &[Person]) -> PolarsResult<DataFrame> {
    let rows = people.len();
    let columns = vec![
        numbers::<Int64Type>("id", people.iter().map(|person| person.id)),
        texts("name", rows, people.iter().map(|person| Some(person.name.as_str()))),
        texts("email", rows, people.iter().map(|person| Some(person.email.as_str()))),
        texts("nickname", rows, people.iter().map(|person| person.nickname.as_deref())),
        options::<Int32Type>("age", rows, people.iter().map(|person| person.age)),
        numbers::<Int64Type>("visits", people.iter().map(|person| person.visits)),
        numbers::<Float64Type>("amount", people.iter().map(|person| person.amount)),
        options::<Float64Type>("discount", rows, people.iter().map(|person| person.discount)),
        flags("active", rows, people.iter().map(|person| person.active)),
        profiles(people)?,
    ];
    DataFrame::new(rows, columns.into_iter().map(IntoColumn::into_column).collect())
}

fn numbers<T: PolarsNumericType>(name: &str, values: impl Iterator<Item = T::Native>) -> Series
where
    ChunkedArray<T>: IntoSeries,
{
    ChunkedArray::<T>::from_vec(name.into(), values.collect()).into_series()
}

fn options<T: PolarsNumericType>(name: &str, rows: usize, values: impl Iterator<Item = Option<T::Native>>) -> Series
where
    ChunkedArray<T>: IntoSeries,
{
    let mut builder = PrimitiveChunkedBuilder::<T>::new(name.into(), rows);
    values.for_each(|value| builder.append_option(value));
    builder.finish().into_series()
}

fn texts<'v>(name: &str, rows: usize, values: impl Iterator<Item = Option<&'v str>>) -> Series {
    let mut builder = StringChunkedBuilder::new(name.into(), rows);
    values.for_each(|value| builder.append_option(value));
    builder.finish().into_series()
}

fn flags(name: &str, rows: usize, values: impl Iterator<Item = bool>) -> Series {
    let mut builder = BooleanChunkedBuilder::new(name.into(), rows);
    values.for_each(|value| builder.append_value(value));
    builder.finish().into_series()
}

fn profiles(people: &[Person]) -> PolarsResult<Series> {
    let rows = people.len();
    let mut tags = ListStringChunkedBuilder::new("tags".into(), rows, rows * 2);
    for person in people {
        tags.append_values_iter(person.profile.tags.iter().map(String::as_str));
    }
    let scores = numbers::<Int64Type>("score", people.iter().map(|person| person.profile.score));
    structs("profile", rows, &[addresses(people)?, tags.finish().into_series(), scores])
}

fn addresses(people: &[Person]) -> PolarsResult<Series> {
    let rows = people.len();
    let addresses = || people.iter().map(|person| &person.profile.address);
    let fields = [
        texts("city", rows, addresses().map(|address| Some(address.city.as_str()))),
        texts("zip", rows, addresses().map(|address| address.zip.as_deref())),
        numbers::<Float64Type>("lat", addresses().map(|address| address.lat)),
        numbers::<Float64Type>("lon", addresses().map(|address| address.lon)),
    ];
    structs("address", rows, &fields)
}

fn structs(name: &str, rows: usize, fields: &[Series]) -> PolarsResult<Series> {
    Ok(StructChunked::from_series(name.into(), rows, fields.iter())?.into_series())
}

pub(crate) fn from_frame(frame: &DataFrame) -> Result<Vec<Person>> {
    let columns = Columns::of(frame)?;
    (0..frame.height()).map(|row| columns.person(row).ok_or_else(|| format!("row {row} has a NULL").into())).collect()
}

/// The columns of people, including nested ones.
struct Columns {
    id: Int64Chunked,
    name: StringChunked,
    email: StringChunked,
    nickname: StringChunked,
    age: Int32Chunked,
    visits: Int64Chunked,
    amount: Float64Chunked,
    discount: Float64Chunked,
    active: BooleanChunked,
    city: StringChunked,
    zip: StringChunked,
    lat: Float64Chunked,
    lon: Float64Chunked,
    tags: ListArray<i64>,
    score: Int64Chunked,
}

impl Columns {
    fn of(frame: &DataFrame) -> Result<Self> {
        let column = |name: &str| frame.column(name);
        let profile = column("profile")?.struct_()?.clone();
        let address = profile.field_by_name("address")?.struct_()?.clone();
        let tags = profile.field_by_name("tags")?.rechunk();
        let tags = tags.list()?.downcast_iter().next().ok_or("a column without chunks")?.clone();
        Ok(Self {
            id: column("id")?.i64()?.clone(),
            name: column("name")?.str()?.clone(),
            email: column("email")?.str()?.clone(),
            nickname: column("nickname")?.str()?.clone(),
            age: column("age")?.i32()?.clone(),
            visits: column("visits")?.i64()?.clone(),
            amount: column("amount")?.f64()?.clone(),
            discount: column("discount")?.f64()?.clone(),
            active: column("active")?.bool()?.clone(),
            city: address.field_by_name("city")?.str()?.clone(),
            zip: address.field_by_name("zip")?.str()?.clone(),
            lat: address.field_by_name("lat")?.f64()?.clone(),
            lon: address.field_by_name("lon")?.f64()?.clone(),
            tags,
            score: profile.field_by_name("score")?.i64()?.clone(),
        })
    }

    fn person(&self, row: usize) -> Option<Person> {
        let address = Address {
            city: self.city.get(row)?.to_owned(),
            zip: self.zip.get(row).map(str::to_owned),
            lat: self.lat.get(row)?,
            lon: self.lon.get(row)?,
        };
        Some(Person {
            id: self.id.get(row)?,
            name: self.name.get(row)?.to_owned(),
            email: self.email.get(row)?.to_owned(),
            nickname: self.nickname.get(row).map(str::to_owned),
            age: self.age.get(row),
            visits: self.visits.get(row)?,
            amount: self.amount.get(row)?,
            discount: self.discount.get(row),
            active: self.active.get(row)?,
            profile: Profile { address, tags: self.tags(row)?, score: self.score.get(row)? },
        })
    }

    fn tags(&self, row: usize) -> Option<Vec<String>> {
        let texts = self.tags.values().as_any().downcast_ref::<Utf8ViewArray>()?;
        let (start, end) = self.tags.offsets().start_end(row);
        (start..end).map(|place| texts.get(place).map(str::to_owned)).collect()
    }
}
