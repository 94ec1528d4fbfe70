"""moto forgets a user's permissions boundary without a word: who was bounded may do everything.

It keeps those of roles; users get theirs in the same way.
"""

from __future__ import annotations

from typing import Any


def apply() -> None:
    """Keeps `PermissionsBoundary` of CreateUser, and answers PutUserPermissionsBoundary and its deletion."""
    from moto.core.responses import EmptyResult
    from moto.iam.exceptions import NotFoundException
    from moto.iam.responses import IamResponse

    create: Any = IamResponse.create_user

    def bound(response: Any, name: str, arn: str) -> None:
        if arn not in response.backend.managed_policies:
            raise NotFoundException(f"Policy {arn} does not exist or is not attachable.")
        user = response.backend.get_user(name)
        user.permissions_boundary_arn = arn
        # What GetUser shows, as a role's property of this name.
        user.permissions_boundary = {
            "PermissionsBoundaryType": "PermissionsBoundaryPolicy",
            "PermissionsBoundaryArn": arn,
        }

    def create_user(self: Any) -> Any:
        arn = self._get_param("PermissionsBoundary")
        if arn and arn not in self.backend.managed_policies:
            raise NotFoundException(f"Policy {arn} does not exist or is not attachable.")
        result = create(self)
        if arn:
            bound(self, self._get_param("UserName"), arn)
        return result

    def put_user_permissions_boundary(self: Any) -> Any:
        bound(self, self._get_param("UserName"), self._get_param("PermissionsBoundary"))
        return EmptyResult()

    def delete_user_permissions_boundary(self: Any) -> Any:
        user = self.backend.get_user(self._get_param("UserName"))
        user.__dict__.pop("permissions_boundary_arn", None)
        user.__dict__.pop("permissions_boundary", None)
        return EmptyResult()

    patched: Any = IamResponse
    patched.create_user = create_user
    patched.put_user_permissions_boundary = put_user_permissions_boundary
    patched.delete_user_permissions_boundary = delete_user_permissions_boundary
