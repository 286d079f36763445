"""Templates: read, checked as a whole, evaluated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelyard.orchestrator.stacks.errors import EvaluationError, TemplateError
from modelyard.orchestrator.stacks.evaluation import (
    Evaluation,
    StackIdentity,
    parameter_problems,
)
from modelyard.orchestrator.stacks.loader import read_yaml
from modelyard.orchestrator.stacks.reading import load
from modelyard.orchestrator.stacks.template import Template

IDENTITY = StackIdentity(account="123456789012", region="us-east-1", name="s", arn="arn:s")


@dataclass(frozen=True)
class Toy:
    """A type with a few properties and attributes."""

    properties: tuple[str, ...] = ("A", "B", "List", "Tags")
    attributes: tuple[str, ...] = ("Name",)


@dataclass(frozen=True)
class Made:
    """A resource that is there."""

    name: str

    @property
    def reference(self) -> str:
        return f"ref-{self.name}"

    def attribute(self, name: str) -> str:
        return f"{self.name}.{name}"


TYPES = {"Toy": Toy()}


def template(text: str) -> Template:
    return load(read_yaml(text), TYPES)


def evaluated(
    text: str, given: Mapping[str, str] | None = None, there: Mapping[str, Made] | None = None
) -> Any:
    """Return the properties of the resource Toy."""
    read = template(text)
    evaluation = Evaluation(read, given or {}, IDENTITY, there or {})
    return evaluation.properties(read.resources["Toy"])


def problems(text: str) -> list[str]:
    with pytest.raises(TemplateError) as caught:
        template(text)
    return caught.value.problems


FUNCTIONS = """
Parameters:
  Word: {Type: String, Default: two}
  Count: {Type: Number, Default: 3}
  Names: {Type: CommaDelimitedList, Default: "x, y,z"}
Conditions:
  IsTwo: !Equals [!Ref Word, two]
  IsThree: !Equals [!Ref Count, 3]
  Both: !And [!Condition IsTwo, !Condition IsThree]
  Neither: !Not [!Or [!Condition IsTwo, !Condition IsThree]]
Resources:
  Other: {Type: Toy}
  Toy:
    Type: Toy
    Properties:
      A: %s
"""


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("!Ref Word", "two"),
        ("!Ref Count", 3),
        ("!Ref Names", ["x", "y", "z"]),
        ("!Ref Other", "ref-other"),
        ("!GetAtt Other.Name", "other.Name"),
        ("{Fn::GetAtt: [Other, Name]}", "other.Name"),
        ('!Sub "${Word}-${Count}-${Other.Name}-${AWS::Region}"', "two-3-other.Name-us-east-1"),
        ('!Sub "$ $${Word} ${!Word} $"', "$ $two ${Word} $"),
        ('!Sub ["${a}/${Word}", {a: !Ref Other}]', "ref-other/two"),
        ('!Join ["-", [a, !Ref Word, !Ref Count, true]]', "a-two-3-true"),
        ('!Join ["", !Ref Names]', "xyz"),
        ('!Split ["w", !Ref Word]', ["t", "o"]),
        ("!Select [1, !Ref Names]", "y"),
        ('!Select ["2", [a, b, c]]', "c"),
        ("!If [Both, yes, no]", "yes"),
        ("!If [Neither, yes, no]", "no"),
        ("!If [IsTwo, {a: !Ref Word}, x]", {"a": "two"}),
        ('[1, !If [IsTwo, !Ref "AWS::NoValue", 2], 3]', [1, 3]),
        ('{a: 1, b: !Ref "AWS::NoValue"}', {"a": 1}),
        (
            '!Sub "${AWS::AccountId} ${AWS::StackName} ${AWS::StackId} ${AWS::Partition}"',
            "123456789012 s arn:s aws",
        ),
        ("2010-09-09", "2010-09-09"),
        ("no", "no"),
    ],
)
def test_a_function_has_its_value(expression: str, value: Any) -> None:
    found = evaluated(FUNCTIONS % expression, there={"Other": Made("other")})
    assert found == {"A": value}


def test_a_property_without_a_value_is_left_out() -> None:
    assert evaluated(FUNCTIONS % '!Ref "AWS::NoValue"') == {}


def test_a_parameter_that_is_given_beats_its_default() -> None:
    assert evaluated(FUNCTIONS % "!If [IsTwo, yes, no]", {"Word": "one"}) == {"A": "no"}


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("!Select [3, !Ref Names]", "has no item 3 in a list of 3"),
        ("!Select [!Ref Word, !Ref Names]", "has no item two"),
        ('!Join ["", [!Ref Names]]', "is not text"),
        ('!Join ["", !Ref Word]', "is not a list"),
        ('!Sub "${Names}"', "is not text"),
        ("!Ref Other", "the resource Other is not there yet"),
    ],
)
def test_what_has_no_value_says_why(expression: str, said: str) -> None:
    with pytest.raises(EvaluationError, match=said):
        evaluated(FUNCTIONS % expression)


def test_a_resource_that_a_condition_leaves_out_cannot_be_used() -> None:
    text = """
    Conditions: {Never: !Equals [a, b]}
    Resources:
      Gone: {Type: Toy, Condition: Never}
      Toy: {Type: Toy, Properties: {A: !Ref Gone}}
    """
    with pytest.raises(EvaluationError, match="its condition Never does not hold"):
        evaluated(text)


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("!Ref Wrod", "Resources.Toy.Properties.A: 'Wrod' is no parameter or resource: did you"),
        ("!Ref AWS::Regoin", "did you mean AWS::Region?"),
        ("!GetAtt Other.Nmae", "'Nmae' is no attribute of Toy: did you mean Name?"),
        ("!GetAtt Word.Name", "'Word' is no resource"),
        ('!Sub "${Nothing}"', "'Nothing' is no parameter or resource"),
        ("{Fn::Joun: [1]}", "Fn::Joun is not a function that is offered here: did you mean"),
        ("{Fn::Transform: x}", "Fn::Transform is not a function that is offered here; there"),
        ("{Ref: Word, Fn::Sub: x}", "Ref must stand alone in its map"),
        ("!Ref [a]", "Ref takes a name, not ['a']"),
        ("!GetAtt Other", "Fn::GetAtt takes [resource, attribute]"),
        ("!Sub [a]", "Fn::Sub takes text, or [text, map]"),
        ("!If [IsTwo, a]", "Fn::If takes [condition, value, value]"),
        ("!If [IsTow, a, b]", "'IsTow' is no condition: did you mean IsTwo?"),
        ("!Join [a, b]", "Fn::Join takes [delimiter, list]"),
        ('!Split ["", b]', "Fn::Split takes [delimiter, text]"),
        ("!Select [a]", "Fn::Select takes [index, list]"),
        ("{Fn::Equals: [a, b]}", "Fn::Equals is not a function that is offered here"),
    ],
)
def test_a_wrong_value_is_found_when_the_template_is_read(expression: str, said: str) -> None:
    (found,) = problems(FUNCTIONS % expression)
    assert said in found


def test_all_problems_are_told_at_once_each_with_its_path() -> None:
    found = problems(
        """
        Mappings: {}
        Parameters:
          Bad: {Default: 1, AllowedPattern: "[", MinLength: -1, NoEcho: true}
          Worse: text
          Low: {Type: Number, MinValue: 5, Default: 1}
          Type: {Type: "AWS::SSM::Parameter"}
        Conditions:
          One: !Equals [!Ref Toy, 1]
          Two: !Condition Three
          Three: !And [!Condition Two, !Condition Two]
          Four: {"Fn::If": [One, a, b]}
          Five: !And [!Condition One]
          Six: one
        Resources:
          "Bad-Name": {Type: Toy}
          Toy:
            Type: Tyo
            DependsOn: Nothing
            Condition: Nowhere
            DeletionPolicy: Keep
            Lifecycle: x
          Other: {Type: Toy, Properties: {C: 1}, UpdateReplacePolicy: RetainExceptOnCreate}
          A: {Type: Toy, Properties: {A: !Ref B}}
          B: {Type: Toy, Properties: {A: !GetAtt C.Name}}
          C: {Type: Toy, DependsOn: [A]}
        Outputs:
          Nothing: {Description: x}
          Wrong: {Value: !Ref Nobody, Condition: Nowhere, Export: {Name: x}}
        """
    )
    for said in (
        "Mappings: is not offered; there are ",
        "Parameters.Bad: Type is missing",
        "Parameters.Bad.AllowedPattern: '[' is not a regular expression",
        "Parameters.Bad.MinLength: -1 must be a whole number from 0 on",
        "Parameters.Bad.NoEcho: is not offered",
        "Parameters.Worse: a parameter is a map that begins with Type, not 'text'",
        "Parameters.Low.Default: '1' must be at least 5",
        "Parameters.Type.Type: 'AWS::SSM::Parameter' must be one of String, Number",
        "Conditions.One[0]: 'Toy' is no parameter or resource",
        "Conditions: a circle: ",
        "Conditions.Four: Fn::If is not a function that is offered here",
        "Conditions.Five: Fn::And takes a list of 2 to 10 conditions",
        "Conditions.Six: a condition is one of Condition, Fn::Equals",
        "Resources.Bad-Name: a name has letters and digits only",
        "Resources.Toy.Type: 'Tyo' is not offered: did you mean Toy?",
        "Resources.Toy.DependsOn: 'Nothing' is no resource",
        "Resources.Toy.Condition: 'Nowhere' is no condition",
        "Resources.Toy.DeletionPolicy: 'Keep' is not one of Delete, Retain",
        "Resources.Toy.Lifecycle: is not offered",
        "Resources.Other.Properties.C: 'C' is no property of Toy",
        "Resources.Other.UpdateReplacePolicy: 'RetainExceptOnCreate' is not one of",
        "Resources: a circle: A needs B needs C needs A",
        "Outputs.Nothing: Value is missing",
        "Outputs.Wrong.Value: 'Nobody' is no parameter or resource",
        "Outputs.Wrong.Export: is not offered",
    ):
        assert any(item.startswith(said) for item in found), f"{said}\n{found}"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Resources: {A: 1, A: 2}", "the key 'A' comes twice"),
        ("A: &x 1\nB: *x", "aliases are not offered"),
        ("A: !Import x", "is not YAML"),
        ("A: !!python/name:os.system x", "is not YAML"),
        ("A: [", "is not YAML"),
        ("- A", "is not a map"),
        ("", "is not a map"),
        ("? [a]\n: 1", "is not a name"),
        ("{A: " + "[" * 2_000, "nested too deeply"),
        ("Resources: {}", "Resources: is missing"),
        ("Resources: [a]", "Resources: is a map of names"),
        ("Resources: {A: b}", "Resources.A: is a map"),
        (
            "Parameters: {A: {Type: String}}\nResources: {A: {Type: Toy}}",
            "Resources.A: a parameter has this name",
        ),
        ("Resources: {A: {Type: Toy, DependsOn: 5}}", "DependsOn: is a name or a list"),
        ("Resources: {A: {Type: Toy, Properties: [a]}}", "Properties: is a map"),
    ],
)
def test_what_is_no_template_is_refused(text: str, said: str) -> None:
    assert any(said in problem for problem in problems(text))


def test_resources_come_behind_what_they_need() -> None:
    read = template(
        """
        Resources:
          A: {Type: Toy, DependsOn: [D]}
          B: {Type: Toy, Properties: {A: !Sub "${C.Name}"}}
          C: {Type: Toy, Properties: {A: !If [X, !Ref A, 1]}}
          D: {Type: Toy}
        Conditions: {X: !Equals [1, 1]}
        """
    )
    assert list(read.resources) == ["D", "A", "C", "B"]


def test_outputs_tell_of_what_is_there_only() -> None:
    read = template(
        """
        Conditions: {Never: !Equals [a, b]}
        Resources: {Toy: {Type: Toy}, Other: {Type: Toy}}
        Outputs:
          One: {Value: !Ref Toy}
          Two: {Value: !Ref Other}
          Three: {Value: x, Condition: Never}
          Four: {Value: !Ref "AWS::NoValue"}
        """
    )
    evaluation = Evaluation(read, {}, IDENTITY, {"Toy": Made("toy")})
    assert evaluation.outputs() == {"One": "ref-toy"}


@pytest.mark.parametrize(
    ("declaration", "value", "said"),
    [
        ("{Type: String, MinLength: 2}", "a", "'a' must have at least 2 characters"),
        ("{Type: String, MaxLength: 2}", "abc", "'abc' must have at most 2 characters"),
        ("{Type: String, AllowedPattern: 'a+'}", "ab", "'ab' must match a+"),
        (
            "{Type: String, AllowedPattern: 'a+', ConstraintDescription: some a}",
            "b",
            "'b' must match a+ (some a)",
        ),
        ("{Type: String, AllowedValues: [a, 1, true]}", "b", "be one of 'a', '1', 'true'"),
        ("{Type: Number}", "x", "'x' must be a number"),
        ("{Type: Number}", "1e999", "'1e999' must be a number"),
        ("{Type: Number, MinValue: 1}", "0", "'0' must be at least 1"),
        ("{Type: Number, MaxValue: 2592000}", "2592001", "must be at most 2592000"),
        ("{Type: String, MaxLength: 5, AllowedPattern: '(a|a)*b'}", "a" * 99, "at most 5"),
        ("{Type: String}", None, "has no value and no default"),
    ],
)
def test_a_parameters_value_follows_its_rules(
    declaration: str, value: str | None, said: str
) -> None:
    read = template(f"Parameters: {{P: {declaration}}}\nResources: {{Toy: {{Type: Toy}}}}")
    given = {} if value is None else {"P": value}
    assert said in parameter_problems(read, given)["P"]


def test_a_parameter_that_there_is_not_is_named() -> None:
    read = template("Resources: {Toy: {Type: Toy}}")
    assert parameter_problems(read, {"P": "1"}) == {"P": "is not a parameter of the template"}


# A random expression, beside the value that Python works out for it.

_words = st.text(alphabet="abc-/ ", max_size=4)


@dataclass(frozen=True)
class Case:
    expression: Any
    value: Any


def _literals() -> st.SearchStrategy[Case]:
    return _words.map(lambda word: Case(word, word))


def _references() -> st.SearchStrategy[Case]:
    values = {"P": "parameter", "AWS::Region": "us-east-1", "Other": "ref-other"}
    return st.sampled_from([Case({"Ref": name}, value) for name, value in values.items()])


def _texts(inner: st.SearchStrategy[Case]) -> st.SearchStrategy[Case]:
    lists = st.lists(inner, min_size=1, max_size=3)
    joined = st.builds(
        lambda delimiter, items: Case(
            {"Fn::Join": [delimiter, [item.expression for item in items]]},
            delimiter.join(item.value for item in items),
        ),
        _words,
        lists,
    )
    substituted = st.builds(
        lambda word, item: Case(
            {"Fn::Sub": [f"{word}${{x}}${{!y}}${{P}}", {"x": item.expression}]},
            f"{word}{item.value}${{y}}parameter",
        ),
        _words,
        inner,
    )
    chosen = st.builds(
        lambda index, items: Case(
            {"Fn::Select": [str(index % len(items)), [item.expression for item in items]]},
            items[index % len(items)].value,
        ),
        st.integers(0, 9),
        lists,
    )
    conditional = st.builds(
        lambda name, yes, no: Case(
            {"Fn::If": [name, yes.expression, no.expression]},
            (yes if name == "True" else no).value,
        ),
        st.sampled_from(["True", "False"]),
        inner,
        inner,
    )
    split = inner.map(
        lambda item: Case(
            {"Fn::Join": ["+", {"Fn::Split": ["-", item.expression]}]},
            "+".join(item.value.split("-")),
        )
    )
    return st.one_of(joined, substituted, chosen, conditional, split)


cases = st.recursive(st.one_of(_literals(), _references()), _texts, max_leaves=8)


@given(cases, st.lists(cases, max_size=3))
def test_an_expression_has_the_value_that_its_parts_make(case: Case, items: list[Case]) -> None:
    source = {
        "Parameters": {"P": {"Type": "String", "Default": "parameter"}},
        "Conditions": {
            "True": {"Fn::Equals": [{"Ref": "P"}, "parameter"]},
            "False": {"Fn::Not": [{"Condition": "True"}]},
        },
        "Resources": {
            "Other": {"Type": "Toy"},
            "Toy": {
                "Type": "Toy",
                "Properties": {"A": case.expression, "List": [item.expression for item in items]},
            },
        },
    }
    read = load(source, TYPES)
    evaluation = Evaluation(read, {}, IDENTITY, {"Other": Made("other")})
    assert evaluation.properties(read.resources["Toy"]) == {
        "A": case.value,
        "List": [item.value for item in items],
    }


_junk = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.one_of(
                st.sampled_from(["Ref", "Fn::If", "Fn::Sub", "Fn::Join", "Type", "Condition"]),
                st.text(max_size=3),
            ),
            inner,
            max_size=3,
        ),
    ),
    max_leaves=10,
)


@given(
    st.dictionaries(
        st.sampled_from(["Parameters", "Conditions", "Resources", "Outputs", "Other"]), _junk
    )
)
def test_any_nonsense_is_refused_with_problems_and_nothing_else(source: dict[str, Any]) -> None:
    try:
        load(source, TYPES)
    except TemplateError as error:
        assert error.problems
