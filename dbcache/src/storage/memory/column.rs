//! A column as it is held: laid out for reading single values of it again and again.

use polars::prelude::*;
use polars_arrow::array::{Array, ArrayRef, PrimitiveArray, Utf8ViewArray, View};
use polars_arrow::types::NativeType;
use polars_buffer::Buffer;

use super::large_pages::{LARGE_PAGE, in_large_pages};

/// The same column, with its values in large pages as far as they fill some, and with its texts side by side.
pub(super) fn laid_out(column: Series) -> Series {
    let is_known =
        |data_type: &DataType| data_type.is_primitive_numeric() || data_type.is_decimal() || data_type.is_temporal();
    let is_worth = column.dtype().is_string() || is_known(column.dtype()) && column.estimated_size() >= LARGE_PAGE;
    if !is_worth || column.n_chunks() != 1 {
        return column;
    }
    let level = CompatLevel::newest();
    let field = column.field().to_arrow(level);
    let array = moved_array(column.to_arrow(0, level));
    let moved = array.and_then(|array| Series::try_from((&field, vec![array])).ok());
    moved.filter(|moved| moved.dtype() == column.dtype()).unwrap_or(column)
}

/// `None` of an array of another kind.
fn moved_array(mut array: ArrayRef) -> Option<ArrayRef> {
    if let Some(texts) = array.as_any().downcast_ref::<Utf8ViewArray>() {
        return moved_texts(texts).ok().map(Utf8ViewArray::boxed);
    }
    let is_moved = move_numbers::<i64>(&mut array)
        || move_numbers::<f64>(&mut array)
        || move_numbers::<u64>(&mut array)
        || move_numbers::<i32>(&mut array)
        || move_numbers::<f32>(&mut array)
        || move_numbers::<u32>(&mut array)
        || move_numbers::<i128>(&mut array);
    is_moved.then_some(array)
}

/// Whether the array is one of such numbers, which now are in large pages.
fn move_numbers<T: NativeType>(array: &mut ArrayRef) -> bool {
    let Some(numbers) = array.as_any_mut().downcast_mut::<PrimitiveArray<T>>() else { return false };
    numbers.set_values(in_large_pages(numbers.values().clone()));
    true
}

fn moved_texts(texts: &Utf8ViewArray) -> PolarsResult<Utf8ViewArray> {
    let (views, buffers) = side_by_side(texts).unwrap_or_else(|| (texts.views().clone(), texts.data_buffers().clone()));
    let buffers = buffers.iter().cloned().map(in_large_pages).collect();
    Utf8ViewArray::try_new(texts.dtype().clone(), in_large_pages(views), buffers, texts.validity().cloned())
}

/// The texts in one piece of memory rather than in one for each page that they were read from; `None` where that would
/// take more, since rows share texts.
fn side_by_side(texts: &Utf8ViewArray) -> Option<(Buffer<View>, Buffer<Buffer<u8>>)> {
    let is_apart = |view: &View| view.length > View::MAX_INLINE_SIZE;
    let length = texts.views().iter().filter(|view| is_apart(view)).map(|view| view.length as usize).sum();
    if texts.data_buffers().len() < 2 || length > texts.total_buffer_len() || u32::try_from(length).is_err() {
        return None;
    }
    let mut bytes = Vec::with_capacity(length);
    let moved = |(row, view): (usize, &View)| {
        if !is_apart(view) {
            return Some(*view);
        }
        let (text, offset) = (texts.value(row).as_bytes(), u32::try_from(bytes.len()).ok()?);
        bytes.extend_from_slice(text);
        Some(View::new_from_bytes(text, 0, offset))
    };
    let views = texts.views().iter().enumerate().map(moved).collect::<Option<Vec<View>>>()?;
    Some((views.into(), vec![Buffer::from(bytes)].into()))
}

#[cfg(test)]
mod tests {
    use polars_arrow::array::Utf8ViewArrayBuilder;
    use polars_arrow::array::builder::{ShareStrategy, StaticArrayBuilder};

    use super::*;

    /// Enough rows for large pages of 8-byte numbers.
    const ROWS: i64 = 300_000;

    fn text(row: i64) -> Option<String> {
        (row % 3 > 0).then(|| "text ".repeat(usize::try_from(row % 5).unwrap_or_default()) + &row.to_string())
    }

    /// Texts in several pieces, as those of several pages are.
    fn texts() -> Series {
        let mut all = Utf8ViewArrayBuilder::new(ArrowDataType::Utf8View);
        for first in (0..ROWS).step_by(1000) {
            let part: StringChunked = (first..first + 1000).map(text).collect();
            all.extend(part.downcast_as_array(), ShareStrategy::Always);
        }
        StringChunked::with_chunk("text".into(), all.freeze()).into_series()
    }

    #[test]
    fn columns_are_the_same_however_they_are_laid_out() -> PolarsResult<()> {
        let numbers: Int64Chunked = (0..ROWS).map(|row| (row % 7 > 0).then_some(row)).collect();
        let numbers = numbers.into_series();
        let types = [
            DataType::Int64,
            DataType::UInt64,
            DataType::Float64,
            DataType::Int32,
            DataType::Int128,
            DataType::Datetime(TimeUnit::Microseconds, None),
            DataType::Datetime(TimeUnit::Nanoseconds, TimeZone::opt_try_new(Some("Europe/Berlin"))?),
            DataType::Duration(TimeUnit::Milliseconds),
            DataType::Time,
            DataType::Date,
            DataType::Boolean,
            DataType::Decimal(38, 2),
        ];
        let mut columns =
            types.iter().map(|data_type| numbers.cast(data_type)).collect::<PolarsResult<Vec<Series>>>()?;
        columns.extend([texts(), Series::new_empty("none".into(), &DataType::String)]);
        for column in columns {
            let laid_out = laid_out(column.clone());
            assert_eq!(laid_out.field(), column.field());
            assert!(laid_out.equals_missing(&column), "{}", column.dtype());
        }
        Ok(())
    }

    #[test]
    fn texts_are_side_by_side() -> PolarsResult<()> {
        let (apart, together) = (texts(), laid_out(texts()));
        let buffers = |texts: &Series| Ok::<_, PolarsError>(texts.str()?.downcast_as_array().data_buffers().len());
        assert_eq!((buffers(&apart)? > 100, buffers(&together)?), (true, 1));
        Ok(())
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn numbers_begin_with_a_large_page() -> PolarsResult<()> {
        let numbers: Int64Chunked = (0..ROWS).collect::<NoNull<_>>().into_inner();
        let utc = DataType::Datetime(TimeUnit::Microseconds, Some(TimeZone::UTC));
        for data_type in [DataType::Int64, utc, DataType::Duration(TimeUnit::Nanoseconds), DataType::Time] {
            let numbers = laid_out(numbers.cast(&data_type)?);
            let first = numbers.to_physical_repr().i64()?.downcast_as_array().values().as_ptr();
            assert_eq!(first.addr() % LARGE_PAGE, 0, "{data_type}");
        }
        Ok(())
    }
}
