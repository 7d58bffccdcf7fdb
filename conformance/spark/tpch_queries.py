"""What TPC-H is asked, in words that DuckDB and Spark have in common; standard library only.

Q1, Q3 and Q6 are the benchmark's. Besides, every column of every row of every table is read, as a
copy, a check or a loading of features does. Money is in cents and rates are in percents, all whole
numbers: sums are exact whoever adds them up in whatever order, and a scan is not bound by decimal
arithmetic. Averages are rounded, since the engines differ in their last digits.
"""

# ruff: noqa: S608 - the names in the SQL are this suite's own

from collections.abc import Iterable

QUERIES = {
    "Q1": """
        SELECT l_returnflag, l_linestatus, sum(l_quantity), sum(l_extendedprice),
            sum(l_extendedprice * (100 - l_discount)),
            sum(l_extendedprice * (100 - l_discount) * (100 + l_tax)),
            round(avg(l_quantity), 1), round(avg(l_extendedprice), 1), count(*)
        FROM lineitem WHERE l_shipdate <= DATE '1998-09-02'
        GROUP BY l_returnflag, l_linestatus ORDER BY l_returnflag, l_linestatus
    """,
    "Q3": """
        SELECT l_orderkey, sum(l_extendedprice * (100 - l_discount)) AS revenue, o_orderdate,
            o_shippriority
        FROM customer, orders, lineitem
        WHERE c_mktsegment = 'BUILDING' AND c_custkey = o_custkey AND l_orderkey = o_orderkey
            AND o_orderdate < DATE '1995-03-15' AND l_shipdate > DATE '1995-03-15'
        GROUP BY l_orderkey, o_orderdate, o_shippriority
        ORDER BY revenue DESC, o_orderdate, l_orderkey LIMIT 10
    """,
    "Q6": """
        SELECT sum(l_extendedprice * l_discount) FROM lineitem
        WHERE l_shipdate >= DATE '1994-01-01' AND l_shipdate < DATE '1995-01-01'
            AND l_discount BETWEEN 5 AND 7 AND l_quantity < 2400
    """,
}
TABLES = ("lineitem", "orders", "customer")
"""What the queries read."""
ALL_TABLES = (*TABLES, "partsupp", "part", "supplier")
WHOLE = "every column"
_TAKEN = {
    "text": "sum(CAST(bit_length({}) AS BIGINT))",
    "date": "CAST(max({}) AS STRING)",
}


def whole(table: str, columns: Iterable[tuple[str, str]]) -> str:
    """Return a question whose answer takes all of a table; `columns` are names and kinds.

    A kind is text, date or number. Of texts the length is asked: little for a processor to do.
    """
    asked = [_TAKEN.get(kind, "sum({})").format(name) for name, kind in columns]
    return f"SELECT count(*), {', '.join(asked)} FROM {table}"


def shown(cell: object) -> str:
    """Return a cell as both engines say it: numbers without trailing zeros."""
    text = str(cell)
    is_fraction = "." in text and text.replace(".", "").lstrip("-").isdigit()
    return text.rstrip("0").rstrip(".") if is_fraction else text
