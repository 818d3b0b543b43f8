"""The way through an ONNX graph: its values by scope, its nodes by the tables of operators."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import zip_longest
from typing import Any

from striate.errors import GraphError, explained
from striate.interop.onnx.reading.ageing import FIRST_OF_TODAY, renewed
from striate.interop.onnx.reading.agreement import check_inputs
from striate.interop.onnx.reading.calls import Call, Reader
from striate.interop.onnx.reading.definitions import definition
from striate.interop.onnx.reading.opsets import domain_of, opsets_of
from striate.interop.onnx.reading.order import captured, in_order
from striate.interop.onnx.reading.refusals import WAYS_OUT, refusal
from striate.interop.onnx.reading.tables import READERS
from striate.interop.onnx.reading.translation import Translation
from striate.interop.onnx.writing.emission import onnx_module
from striate.network import operators as op

__all__ = ["Scope", "Walk"]

MOST_NODES = 30_000  # inside functions and branches, each time that they are used
DEEPEST = 32  # functions and branches within each other


class Scope:
    """The names of one graph or function body, and what they are called in the result."""

    def __init__(self, parent: Scope | None = None) -> None:
        self._names: dict[str, str] = {}
        self._parent = parent
        self.depth = 0
        self.expected: dict[str, str] = {}

    def bind(self, name: str, value: str) -> None:
        """Let a name stand for a value."""
        self._names[name] = value

    def finds_own(self, name: str) -> bool:
        """Return whether a name is bound in this very scope."""
        return name in self._names

    def find(self, name: str) -> str | None:
        """Return the value that a name stands for here, or None."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope._names:
                return scope._names[name]
            scope = scope._parent
        return None


class Walk:
    """Reads nodes into a translation.

    Parameters
    ----------
    translation : Translation
    functions : mapping of (domain, name) to onnx.FunctionProto
        The model's own.
    """

    def __init__(self, translation: Translation, functions: Mapping[tuple[str, str], Any]) -> None:
        self._translation, self._functions = translation, functions
        self._count = 0
        self._onnx = onnx_module()

    def nodes(
        self,
        nodes: Sequence[Any],
        scope: Scope,
        opsets: Mapping[str, int],
        outputs: Sequence[str],
        given: Mapping[str, Any] | None = None,
    ) -> None:
        """Read the nodes of one graph.

        Parameters
        ----------
        nodes : sequence of onnx.NodeProto
        scope : Scope
            Where their names are found and bound.
        opsets : mapping of domain to version
        outputs : sequence of str
            The names that the graph gives.
        given : mapping of name to onnx.AttributeProto, optional
            The attributes that a function was called with.
        """
        read = {*outputs, *(name for node in nodes for name in (*node.input, *captured(node)))}
        for node in in_order(nodes, self._translation.name):
            self._count += scope.depth > 0
            if self._count > MOST_NODES:
                raise GraphError(
                    f"{self._translation.name}: its functions call each other more than "
                    f"{MOST_NODES:,} times: export the model without functions"
                )
            self._node(node, scope, opsets, read, given)

    def _node(
        self,
        node: Any,
        scope: Scope,
        opsets: Mapping[str, int],
        read: set[str],
        given: Mapping[str, Any] | None,
    ) -> None:
        domain = domain_of(node)
        place = self._place(node, domain, opsets)
        inputs = tuple(self._found(name, scope, place) if name else "" for name in node.input)
        attributes = _attributes(node, given, place)
        if scope.depth == 0 and node.name:  # inside functions, names come again with each call
            self._translation.entitle(next(filter(None, node.output), ""), node.name)
        function = self._functions.get((domain, node.op_type))
        if function is not None:
            self._function(function, place, inputs, node.output, scope, attributes)
            return
        if domain == "" and node.op_type == "If":
            self._branch(node, place, inputs, scope, opsets, attributes, given)
            return
        reader = READERS.get(node.op_type) if domain == "" else None
        if reader is None:
            defined = None
            if node.op_type not in WAYS_OUT:
                known = self._onnx, node, opsets[domain], inputs, attributes, self._translation
                with explained(place):
                    defined = definition(*known)
            if defined is None:
                raise refusal(place, domain, node.op_type, set(READERS))
            self._function(defined[0], place, inputs, node.output, scope, defined[1])
            return
        if not node.output or not node.output[0]:
            raise GraphError(f"{place}: its first output has no name: the file is damaged")
        bound = [
            self._bind(name, scope) if name and (not i or name in read) else ""
            for i, name in enumerate(node.output)
        ]
        outputs = tuple(bound)
        call = Call(self._translation, node.op_type, opsets[""], inputs, outputs, attributes)
        with explained(place):
            self._read(call, reader)

    def _read(self, call: Call, reader: Reader) -> None:
        defs = self._onnx.defs
        if defs.has(call.kind, call.opset):
            check_inputs(call, defs.get_schema(call.kind, call.opset))
        if call.opset < FIRST_OF_TODAY:
            renewed(call)
        reader(call)
        for name in call.outputs:
            if name and name not in self._translation.kinds:
                raise call.error(f"{name!r} is none of the outputs that striate gives")
        unread = sorted(set(call.attributes) - call.read)
        if unread:
            raise call.error(f"attribute {unread[0]!r} is none that {call.kind} has in this opset")

    def _place(self, node: Any, domain: str, opsets: Mapping[str, int]) -> str:
        name = node.name or next((name for name in node.output if name), "")
        kind = f"{domain}.{node.op_type}" if domain else node.op_type
        if domain not in opsets and (domain, node.op_type) not in self._functions:
            raise GraphError(
                f"{self._translation.name}: node {name!r} ({kind}): the model names no opset of "
                f"the domain {domain or 'ai.onnx'!r}: the file is damaged"
            )
        version = f", opset {opsets[domain]}" if domain in opsets else ""
        return f"{self._translation.name}: node {name!r} ({kind}{version})"

    def _found(self, name: str, scope: Scope, place: str) -> str:
        value = scope.find(name)
        if value is None:
            raise GraphError(f"{place}: reads {name!r}, which nothing gives: the file is damaged")
        return value

    def _bind(self, name: str, scope: Scope) -> str:
        if scope.finds_own(name):
            raise GraphError(
                f"{self._translation.name}: two values are called {name!r}: names must be unique, "
                "so the file is damaged"
            )
        if name in scope.expected:
            value = scope.expected[name]
        elif scope.depth:
            value = self._translation.free(name)
        else:
            self._translation.take(name)
            value = name
        scope.bind(name, value)
        return value

    def arrays(self, graph: Any, scope: Scope) -> None:
        """Read the arrays that a graph stores."""
        where = self._translation.name
        if graph.sparse_initializer:
            raise GraphError(
                f"{where}: it stores sparse tensors; striate has dense ones: export those"
            )
        for tensor in graph.initializer:
            array = self._translation.tensor(tensor, f"{where}: initializer {tensor.name!r}")
            self._translation.know(self._bind(tensor.name, scope), array)

    def _branch(
        self,
        node: Any,
        place: str,
        inputs: Sequence[str],
        scope: Scope,
        opsets: Mapping[str, int],
        attributes: Mapping[str, Any],
        given: Mapping[str, Any] | None,
    ) -> None:
        """Put the branch of an If in its place, whose condition must be known."""
        condition = self._translation.arrays.get(inputs[0]) if inputs else None
        if condition is None or condition.size != 1:
            raise refusal(place, "", "If", ())
        chosen = attributes.get("then_branch" if condition.item() else "else_branch")
        if chosen is None or not chosen.HasField("g"):
            raise GraphError(f"{place}: a branch is left out; both must be given")
        graph = chosen.g
        inner = self._inner(scope, place, capture=True)
        names = [value.name for value in graph.output]
        self._expect(inner, scope, names, node.output, place)
        self.arrays(graph, inner)
        self.nodes(graph.node, inner, opsets, names, given)
        self._deliver(inner, scope, names, node.output, place)

    def _function(
        self,
        function: Any,
        place: str,
        inputs: Sequence[str],
        outputs: Sequence[str],
        scope: Scope,
        attributes: Mapping[str, Any],
    ) -> None:
        """Put the body of a function in the place of a node that calls it."""
        if len(inputs) > len(function.input) or len(outputs) > len(function.output):
            raise GraphError(
                f"{place}: {len(inputs)} inputs and {len(outputs)} outputs; the function has "
                f"{len(function.input)} and {len(function.output)}"
            )
        inner = self._inner(scope, place, capture=False)
        for name, value in zip_longest(function.input, inputs, fillvalue=""):
            inner.bind(name, value)
        self._expect(inner, scope, function.output, outputs, place)
        given = {default.name: default for default in function.attribute_proto}
        with explained(place):
            opsets = opsets_of(function.opset_import)
        self.nodes(function.node, inner, opsets, function.output, {**given, **attributes})
        self._deliver(inner, scope, function.output, outputs, place)

    def _inner(self, scope: Scope, place: str, *, capture: bool) -> Scope:
        inner = Scope(scope if capture else None)
        inner.depth = scope.depth + 1
        if inner.depth > DEEPEST:
            raise GraphError(
                f"{place}: functions and branches lie more than {DEEPEST} deep in each other, "
                "or a function calls itself: export the model without functions"
            )
        return inner

    def _expect(
        self, inner: Scope, scope: Scope, names: Sequence[str], outputs: Sequence[str], place: str
    ) -> None:
        """Let what a graph inside a node gives bear the names of the node's outputs."""
        if len(outputs) > len(names):
            raise GraphError(f"{place}: {len(outputs)} outputs; its graph gives {len(names)}")
        for name, output in zip(names, outputs, strict=False):
            if output:
                inner.expected.setdefault(name, self._bind(output, scope))

    def _deliver(
        self, inner: Scope, scope: Scope, names: Sequence[str], outputs: Sequence[str], place: str
    ) -> None:
        """Give the outputs that the graph inside a node passes on from elsewhere."""
        for name, output in zip(names, outputs, strict=False):
            value = inner.find(name)
            if output and not value:
                raise GraphError(f"{place}: its output {name!r} is given by no node inside it")
            wanted = scope.find(output) if output else None
            if wanted and value and wanted != value:
                self._translation.add(op.Identity(), (value,), (wanted,))


def _attributes(node: Any, given: Mapping[str, Any] | None, place: str) -> dict[str, Any]:
    """Return a node's attributes; those that stand for a function's are looked up."""
    found: dict[str, Any] = {}
    for attribute in node.attribute:
        if attribute.name in found:
            raise GraphError(f"{place}: attribute {attribute.name!r} is given twice")
        if not attribute.ref_attr_name:
            found[attribute.name] = attribute
        elif given and attribute.ref_attr_name in given:
            found[attribute.name] = given[attribute.ref_attr_name]
    return found
