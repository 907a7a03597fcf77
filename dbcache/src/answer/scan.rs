//! Everything that is cached of a table as a lazy frame, which reads what a query needs of it when it is collected.
//!
//! The frame is a plan of Polars that begins with the numbers of a part's rows. Every column is a function of these
//! numbers, and the parts stand one below the other. So it is Polars that leaves out columns, filters rows before the
//! other columns' values of them are asked for, goes on to the next part, and stops at a limit, by rules that hold for
//! any expression. Nothing here sees a predicate, and none can get lost. A scan of the kind that Polars calls anonymous
//! sees them, but has to apply them itself, is not told all of them, and cannot be streamed.

use std::io;
use std::sync::Arc;

use polars::prelude::*;

use super::{Question, Wanted};
use crate::column::ColumnRef;
use crate::convert::convert;
use crate::error::{Error, Result};
use crate::key::{ColumnIds, IdSet};
use crate::read_through::default_of;
use crate::storage::{ColumnSet, Need, Parts, Reading, Snapshot, StoredColumn};

/// The columns that the plan begins with. Names of cached columns never begin so.
const PART: &str = "__dbcache_part";
const ROW: &str = "__dbcache_row";

/// What is read together: rows are filtered by all columns of a layer before the next one's values are read.
const LAYERS: [fn(&DataType) -> bool; 3] =
    [|data_type| !is_text(data_type) && !data_type.is_nested(), is_text, DataType::is_nested];

fn is_text(data_type: &DataType) -> bool {
    matches!(data_type, DataType::String | DataType::Binary)
}

/// A table at one moment, and which of its rows and columns are given.
#[derive(Debug)]
struct Scan {
    question: Question,
    stored: Arc<Snapshot>,
    parts: Parts,
    needs: Vec<Need>,
}

impl Question {
    /// The rows that have all that is wanted: the id column, then the wanted columns, which have declared types.
    pub(crate) fn scan(&self) -> Result<LazyFrame> {
        self.plan(|stored| Scan::new(self.clone(), stored, self.projection.needs.clone()))
    }

    /// All rows, with every column as it is stored, null where a row lacks it.
    pub(crate) fn scan_everything(&self) -> Result<LazyFrame> {
        self.plan(|stored| {
            let names = stored.columns().iter().map(|column| column.name().to_string());
            let wanted = names.map(|name| Wanted::AsFound(ColumnRef::with_path(name, Vec::new()))).collect();
            Scan::new(self.of(wanted), stored, Vec::new())
        })
    }

    fn plan(&self, scan: impl Fn(Arc<Snapshot>) -> Result<Scan>) -> Result<LazyFrame> {
        Arc::new(self.table().read(scan)?).frame().map_err(Error::frame("plan a scan"))
    }
}

impl Scan {
    fn new(question: Question, stored: Arc<Snapshot>, needs: Vec<Need>) -> Result<Self> {
        Ok(Self { parts: stored.cut()?, question, stored, needs })
    }

    fn frame(self: &Arc<Self>) -> PolarsResult<LazyFrame> {
        let wanted: Vec<(&Wanted, &PlSmallStr)> = self.question.answered().collect();
        let columns: Vec<(Expr, DataType)> = wanted.iter().map(|(wanted, label)| self.column(wanted, label)).collect();
        let labels = wanted.iter().map(|(_, label)| (*label).clone());
        let names: Vec<Expr> = std::iter::once(PlSmallStr::from(self.id_column())).chain(labels).map(col).collect();
        let part = |part: usize| {
            let rows = self.rows(part as u64)?.with_column(self.ids());
            let read = LAYERS.iter().fold(rows, |rows, is_in_layer| {
                let layer = columns.iter().filter(|(_, data_type)| is_in_layer(data_type));
                rows.with_columns(layer.map(|(column, _)| column.clone()).collect::<Vec<Expr>>())
            });
            Ok(read.select(names.clone()))
        };
        let parts: PolarsResult<Vec<LazyFrame>> = (0..self.parts.count()).map(part).collect();
        // Side by side, as many as there are threads. Polars forgets a slice from the end where they are not.
        concat(parts?, UnionArgs { parallel: true, ..UnionArgs::default() })
    }

    fn id_column(&self) -> &str {
        self.question.table().id_column()
    }

    /// The numbers of a part's rows.
    fn rows(self: &Arc<Self>, part: u64) -> PolarsResult<LazyFrame> {
        let scan = Arc::clone(self);
        let rows = move |parts: DataFrame| {
            let mut rows = Vec::new();
            for part in parts.column(PART)?.u64()?.iter() {
                let number = part.and_then(|part| usize::try_from(part).ok());
                let part = number.ok_or_else(|| polars_err!(ComputeError: "there is no part {part:?}"))?;
                rows.extend(scan.carried_out(scan.stored.rows_of_part(&scan.parts, part, &scan.needs))?);
            }
            DataFrame::new(rows.len(), vec![Column::new(ROW.into(), rows)])
        };
        let schema = Arc::new(Schema::from_iter([(PlSmallStr::from(ROW), DataType::UInt64)]));
        let schema = move |_: &Schema| Ok(Arc::clone(&schema));
        let plan = df!(PART => [part])?.lazy();
        Ok(plan.map(rows, AllowedOptimizations::STREAMING, Some(Arc::new(schema)), Some("rows of the cache")))
    }

    fn ids(self: &Arc<Self>) -> Expr {
        let data_type = self.question.id_type.map_or_else(|| self.stored.id_type(), Clone::clone);
        let name = self.id_column().to_owned();
        self.expression(name.into(), data_type.clone(), move |scan, rows| {
            let ids = scan.stored.ids_at(scan.id_column(), rows)?;
            let ids = ids.as_materialized_series();
            let converted = convert(ids, &data_type);
            converted.map_err(|cause| match ids_in(ids) {
                Ok(ids) => scan.question.cell_error(cause, &ids),
                Err(unreadable) => unreadable,
            })
        })
    }

    fn column(self: &Arc<Self>, wanted: &Wanted, label: &PlSmallStr) -> (Expr, DataType) {
        let stored = self.stored.column(wanted.column().column());
        let data_type = wanted.data_type().or(stored.map(StoredColumn::data_type)).cloned();
        let data_type = data_type.unwrap_or(DataType::Null);
        let one = self.question.of(vec![wanted.clone()]);
        let column = self.expression(label.clone(), data_type.clone(), move |scan, rows| scan.values(&one, rows));
        (column, data_type)
    }

    /// The one wanted column of some rows.
    fn values(&self, one: &Question, rows: &[u64]) -> Result<Series> {
        let no_column = || Error::Internal { invariant: "a query for one column selects one" };
        let wanted = one.wanted.first().ok_or_else(no_column)?;
        let steps = wanted.column().path().steps();
        let paths = if steps.is_empty() { Vec::new() } else { vec![steps.to_vec()] };
        let name = wanted.column().column();
        let reading = Reading { name: name.into(), paths, default: default_of(one.projection.declared, name) };
        let stored = self.stored.values_at(&reading, rows)?;
        let stored = DataFrame::new(rows.len(), vec![stored]).map_err(Error::frame("build the answer"))?;
        // Documents stay text: whether those of one part agree says nothing of the others.
        let answer = |ids: &IdSet| one.answer_columns(&stored, ids, &ColumnSet::new());
        // Ids are read only where one of them is to be named.
        let answered = answer(&NO_IDS).or_else(|_| {
            let ids = self.stored.ids_at(self.id_column(), rows)?;
            answer(&ids_in(ids.as_materialized_series())?)
        });
        answered?.pop().ok_or_else(no_column)
    }

    /// A column as a function of the rows' numbers.
    fn expression(
        self: &Arc<Self>,
        name: PlSmallStr,
        data_type: DataType,
        read: impl Fn(&Self, &[u64]) -> Result<Series> + Send + Sync + 'static,
    ) -> Expr {
        let scan = Arc::clone(self);
        let label = format!("cached {name}");
        let values = move |rows: Column| {
            let rows = rows.u64()?.to_vec_null_aware().left();
            let rows = rows.ok_or_else(|| polars_err!(ComputeError: "a row has no number"))?;
            Ok(scan.carried_out(read(&scan, &rows))?.into_column())
        };
        let field = move |_: &Schema, rows: &Field| Ok(Field::new(rows.name().clone(), data_type.clone()));
        col(ROW).map_with_fmt_str(values, field, label).alias(name)
    }

    /// What was read, or an error of Polars that holds ours. What is damaged is set aside for the next scan; this one
    /// cannot go on, since it may have given rows that are gone now.
    fn carried_out<V>(&self, read: Result<V>) -> PolarsResult<V> {
        let mended = match &read {
            Err(Error::Damaged { .. }) => self.question.table().repair(None),
            _ => Ok(()),
        };
        let read = mended.and(read);
        read.map_err(|cause| PolarsError::IO { error: Arc::new(io::Error::other(cause)), msg: None })
    }
}

const NO_IDS: IdSet = IdSet::Int(Vec::new());

/// The ids of a column that has them in order, for errors that name them.
fn ids_in(column: &Series) -> Result<IdSet> {
    match ColumnIds::read(column).map_err(Error::frame("read the ids of the answer"))? {
        ColumnIds::Ids { set, .. } => Ok(set),
        ColumnIds::Null { .. } | ColumnIds::NotAKey => Err(Error::Internal { invariant: "each stored row has an id" }),
    }
}
