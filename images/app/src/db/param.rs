//! Parameters of statements, each with the type that it has in the database.

use tokio_postgres::types::{ToSql, Type};

/// A parameter that knows its type, so that a statement need not be prepared to be run: behind a
/// pooler the next statement may meet another server connection.
pub trait Param: ToSql {
    /// Its type.
    fn sql_type(&self) -> Type;
}

macro_rules! params {
    ($($rust:ty => $sql:ident),* $(,)?) => {$(
        impl Param for $rust {
            fn sql_type(&self) -> Type {
                Type::$sql
            }
        }
    )*};
}

params! {
    i32 => INT4,
    i64 => INT8,
    &str => TEXT,
    String => TEXT,
    Option<i64> => INT8,
    Option<&str> => TEXT,
    &[u8] => BYTEA,
    Vec<u8> => BYTEA,
    &Vec<u8> => BYTEA,
    Option<&Vec<u8>> => BYTEA,
    Option<Vec<u8>> => BYTEA,
    Vec<i32> => INT4_ARRAY,
    Vec<i64> => INT8_ARRAY,
}
