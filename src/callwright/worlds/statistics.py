"""Everyday mathematics: averages and trends of numbers, percentages, interest, loans, shared bills, inflation."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_CEILING, ROUND_HALF_UP, Decimal
from statistics import mean, median, pstdev, stdev
from typing import Annotated, Literal

from pydantic import Field

from callwright.worlds.base import OverLimit, Refused, Thing, World, tool

Years = Annotated[int, Field(ge=1, le=50)]
People = Annotated[int, Field(ge=1, le=100)]
Decimals = Annotated[int, Field(ge=0, le=6)]
Compounding = Literal["yearly", "quarterly", "monthly", "daily"]
Direction = Literal["increase", "decrease", "no change"]

PERIODS: dict[Compounding, int] = {"yearly": 1, "quarterly": 4, "monthly": 12, "daily": 365}
FIRST_YEAR, LAST_YEAR = 1980, 2024
MOST_NUMBERS = 500
MOST = 1_000_000_000_000.0
HIGHEST_RATE = 100.0
HIGHEST_BALANCE = 1e18


class Summary(Thing):
    count: int
    sum: float
    mean: float
    median: float
    minimum: float
    maximum: float
    standard_deviation: float | None


class WeightedValue(Thing):
    """A value and how much it counts."""

    value: Annotated[float, Field(description="The value, such as a grade.")]
    weight: Annotated[float, Field(description="How much it counts, zero or more.")]


class WeightedMean(Thing):
    mean: float
    plain_mean: float
    total_weight: float
    count: int


class PercentChange(Thing):
    old_value: float
    new_value: float
    difference: float
    percent: float
    direction: Direction


class Point(Thing):
    """What was measured in one week."""

    week: Annotated[int, Field(description="The number of the week, counted from any start.")]
    value: Annotated[float, Field(description="What was measured in that week.")]


class Trend(Thing):
    slope: float
    intercept: float
    fit: float
    forecast: float


class Growth(Thing):
    final_balance: float
    paid_in: float
    interest: float


class LoanPayment(Thing):
    monthly_payment: float
    total_paid: float
    total_interest: float
    payments: int


class BillShare(Thing):
    tip: float
    grand_total: float
    per_person: float
    left_over: float


class Adjusted(Thing):
    amount: float
    from_year: int
    to_year: int
    adjusted_amount: float
    inflation_percent: float


class Statistics(World):
    """A calculator for statistics and everyday money mathematics."""

    title = "Number Desk"
    category = "maths and statistics"

    def populate(self) -> None:
        self.state["price_levels"] = {}
        level = 100.0
        for year in range(FIRST_YEAR, LAST_YEAR + 1):
            self.put("price_levels", {"id": str(year), "level": round(level, 2)})
            level *= 1 + self.rng.uniform(0.008, 0.052)

    @tool(resource="number_lists")
    def summarize_numbers(
        self,
        numbers: list[float],
        deviation: Literal["sample", "population"] = "sample",
        decimals: Decimals = 2,
    ) -> Summary:
        """Summarize a list of numbers: count, sum, mean, median, minimum, maximum and standard deviation.

        Args:
            numbers: The numbers, from 1 to 500 of them.
            deviation: Whether the standard deviation is that of a sample, which takes at least 2 numbers, or of a
                whole population.
            decimals: To how many decimals the results are rounded.
        """
        _check_many(numbers, 1, "number")
        spread = pstdev(numbers) if deviation == "population" else None
        if deviation == "sample" and len(numbers) > 1:
            spread = stdev(numbers)
        return Summary(
            count=len(numbers),
            sum=_rounded(sum(_exact(one) for one in numbers), decimals),
            mean=_rounded(mean(_exact(one) for one in numbers), decimals),
            median=_rounded(median(_exact(one) for one in numbers), decimals),
            minimum=min(numbers),
            maximum=max(numbers),
            standard_deviation=None if spread is None else _rounded(spread, decimals),
        )

    @tool(resource="weighted_lists")
    def weighted_mean(self, weighted_values: list[WeightedValue], decimals: Decimals = 2) -> WeightedMean:
        """Compute the mean of values that do not all count the same, and the plain mean to compare it with.

        Args:
            weighted_values: The values with their weights, from 1 to 500 of them. The weights need not add up to 1
                or 100.
            decimals: To how many decimals the results are rounded.
        """
        _check_many([one.value for one in weighted_values], 1, "value")
        _check_many([one.weight for one in weighted_values], 1, "weight")
        if any(one.weight < 0 for one in weighted_values):
            raise OverLimit("A weight cannot be less than zero.")
        total = sum(_exact(one.weight) for one in weighted_values)
        if not total:
            raise Refused("At least one weight has to be more than zero.")
        weighted = sum(_exact(one.value) * _exact(one.weight) for one in weighted_values)
        return WeightedMean(
            mean=_rounded(weighted / total, decimals),
            plain_mean=_rounded(mean(_exact(one.value) for one in weighted_values), decimals),
            total_weight=_rounded(total, decimals),
            count=len(weighted_values),
        )

    @tool(resource="percentages")
    def percent_change(self, old_value: float, new_value: float, decimals: Decimals = 2) -> PercentChange:
        """Compute by what percentage a value went up or down.

        The percentage is told without a sign, as a share of the old value's size; the direction tells which way.

        Args:
            old_value: The value before, not zero.
            new_value: The value after.
            decimals: To how many decimals the results are rounded.
        """
        _check_many([old_value, new_value], 1, "value")
        if old_value == 0:
            raise Refused("A change from zero has no percentage.")
        difference = _exact(new_value) - _exact(old_value)
        percent = abs(difference) / abs(_exact(old_value)) * 100
        if percent > _exact(MOST):
            raise OverLimit("The old value is too close to zero for a percentage.")
        direction: Direction = "increase" if difference > 0 else "decrease" if difference < 0 else "no change"
        return PercentChange(
            old_value=old_value,
            new_value=new_value,
            difference=_rounded(difference, decimals),
            percent=_rounded(percent, decimals),
            direction=direction,
        )

    @tool(resource="trends")
    def forecast_trend(self, points: list[Point], forecast_week: int) -> Trend:
        """Fit a straight line through weekly values and tell what it gives for another week.

        All results are rounded to 2 decimals. The slope is the change from one week to the next, the intercept is
        the line's value in week 0, and the fit is R squared, from 0 for no trend to 1 for a perfect line.

        Args:
            points: The values week by week, from 2 to 500 of them, of at least 2 different weeks.
            forecast_week: The number of the week to forecast.
        """
        _check_many([one.value for one in points], 2, "value")
        _check_many([float(one.week) for one in points], 2, "week")
        weeks, values = [_exact(one.week) for one in points], [_exact(one.value) for one in points]
        middle, level = mean(weeks), mean(values)
        width = sum((week - middle) ** 2 for week in weeks)
        if not width:
            raise Refused("A line needs values of at least 2 different weeks.")
        if abs(forecast_week) > 100_000:
            raise OverLimit("That week is too far away to forecast.")
        shared = sum((week - middle) * (value - level) for week, value in zip(weeks, values, strict=True))
        height = sum((value - level) ** 2 for value in values)
        slope = shared / width
        intercept = level - slope * middle
        return Trend(
            slope=_rounded(slope, 2),
            intercept=_rounded(intercept, 2),
            fit=1.0 if not height else _rounded(shared * shared / (width * height), 2),
            forecast=_rounded(intercept + slope * forecast_week, 2),
        )

    @tool(resource="savings")
    def compound_interest(
        self,
        principal: float,
        annual_rate_percent: float,
        years: Years,
        compounding: Compounding = "monthly",
        yearly_deposit: float = 0.0,
    ) -> Growth:
        """Compute what savings grow to with compound interest. Amounts are rounded to 2 decimals.

        Args:
            principal: The amount at the start in dollars, zero or more.
            annual_rate_percent: The interest rate for a year in percent, from 0 to 100.
            years: For how many whole years the money stays.
            compounding: How often interest is added.
            yearly_deposit: What is paid in on top at the end of every year, in dollars.
        """
        rate = _rate(annual_rate_percent)
        start, deposit = _amount(principal, "principal"), _amount(yearly_deposit, "yearly deposit")
        if not start and not deposit:
            raise Refused("There has to be some money at the start or a yearly deposit.")
        times = PERIODS[compounding]
        balance = start
        for _ in range(years):
            balance = balance * (1 + rate / times) ** times + deposit
            if balance > _exact(HIGHEST_BALANCE):
                raise OverLimit("The savings would grow beyond what can be computed here.")
        paid_in = start + deposit * years
        return Growth(
            final_balance=_rounded(balance, 2),
            paid_in=_rounded(paid_in, 2),
            interest=_rounded(_cents(balance) - _cents(paid_in), 2),
        )

    @tool(resource="loans")
    def loan_payment(self, amount: float, annual_rate_percent: float, years: Years) -> LoanPayment:
        """Compute the monthly payment of a loan that is paid back in equal installments.

        The payment is rounded to 2 decimals, and the totals follow from the rounded payment.

        Args:
            amount: How much is borrowed in dollars, more than zero.
            annual_rate_percent: The interest rate for a year in percent, from 0 to 100.
            years: In how many whole years the loan is paid back.
        """
        rate, borrowed, payments = _rate(annual_rate_percent) / 12, _amount(amount, "amount"), years * 12
        if not borrowed:
            raise OverLimit("The amount has to be more than zero.")
        factor = (1 + rate) ** payments
        # A rate too small to change the factor is no rate.
        payment = _cents(borrowed * rate * factor / (factor - 1) if factor > 1 else borrowed / payments)
        return LoanPayment(
            monthly_payment=_rounded(payment, 2),
            total_paid=_rounded(payment * payments, 2),
            total_interest=_rounded(max(payment * payments - _cents(borrowed), Decimal(0)), 2),
            payments=payments,
        )

    @tool(resource="bills")
    def split_bill(self, total: float, people: People, tip_percent: float = 0.0) -> BillShare:
        """Split a bill evenly, with a tip if wanted.

        Each share is rounded up to a full cent, so that the bill is covered; what is left over is told as well.

        Args:
            total: The bill in dollars without the tip, more than zero.
            people: How many people share it.
            tip_percent: The tip in percent of the bill, from 0 to 100.
        """
        bill, tipped = _cents(_amount(total, "total")), _rate(tip_percent, "tip")
        if not bill:
            raise OverLimit("The bill has to be more than zero.")
        tip = _cents(bill * tipped)
        whole = bill + tip
        share = (whole / people).quantize(Decimal("0.01"), ROUND_CEILING)
        return BillShare(
            tip=_rounded(tip, 2),
            grand_total=_rounded(whole, 2),
            per_person=_rounded(share, 2),
            left_over=_rounded(share * people - whole, 2),
        )

    @tool(resource="price_levels")
    def adjust_for_inflation(self, amount: float, from_year: int, to_year: int = LAST_YEAR) -> Adjusted:
        """Tell what an amount of money from one year is worth in the prices of another year.

        Price levels are this service's own index. Results are rounded to 2 decimals.

        Args:
            amount: The amount in dollars, more than zero.
            from_year: The year that the amount is from, from 1980 to 2024.
            to_year: The year whose prices are wanted, from 1980 to 2024.
        """
        money = _amount(amount, "amount")
        if not money:
            raise OverLimit("The amount has to be more than zero.")
        ratio = self._level(to_year) / self._level(from_year)
        return Adjusted(
            amount=amount,
            from_year=from_year,
            to_year=to_year,
            adjusted_amount=_rounded(money * ratio, 2),
            inflation_percent=_rounded((ratio - 1) * 100, 2),
        )

    def _level(self, year: int) -> Decimal:
        if not FIRST_YEAR <= year <= LAST_YEAR:
            raise OverLimit(f"Prices are known for {FIRST_YEAR} to {LAST_YEAR} only.")
        return _exact(self.one("price_levels", str(year))["level"])


def _exact(value: float) -> Decimal:
    """The number as it is written, so that 0.1 is a tenth."""
    return Decimal(str(value))


def _rounded(value: Decimal | float, decimals: int) -> float:
    """Rounded half up, as people do it; never -0."""
    step = Decimal(1).scaleb(-decimals)
    return float(Decimal(value).quantize(step, ROUND_HALF_UP)) + 0.0


def _cents(value: Decimal) -> Decimal:
    return value.quantize(Decimal("0.01"), ROUND_HALF_UP)


def _check_many(numbers: Sequence[float], least: int, noun: str) -> None:
    if len(numbers) < least:
        raise OverLimit(f"At least {least} {noun}{'s are' if least > 1 else ' is'} needed.")
    if len(numbers) > MOST_NUMBERS:
        raise OverLimit(f"No more than {MOST_NUMBERS} {noun}s can be handled at once.")
    if any(abs(one) > 1_000_000_000 for one in numbers):
        raise OverLimit(f"A {noun} beyond a billion is too big to compute with.")


def _amount(value: float, name: str) -> Decimal:
    if not 0 <= value <= MOST:
        raise OverLimit(f"The {name} has to be from zero to a trillion dollars.")
    return _exact(value)


def _rate(percent: float, name: str = "rate") -> Decimal:
    if not 0 <= percent <= HIGHEST_RATE:
        raise OverLimit(f"The {name} has to be from 0 to {HIGHEST_RATE:.0f} percent.")
    return _exact(percent) / 100
