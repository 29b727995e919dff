"""Every method of the service, typed. Made by ``scripts/client_methods.py``: don't edit.

One class for each of the two ways to wait. A parameter that is ``UNSET`` is left out, so that the service's own default
holds; ``deadline`` is in seconds, the client's own where it is None.
"""

# ruff: noqa: A002, FBT001 - names and order are the service's

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from msgspec import UNSET, UnsetType

from webcam_rpc.client import models

if TYPE_CHECKING:
    from collections.abc import Awaitable, Mapping, Sequence

    from twisted.internet.defer import Deferred

T = TypeVar("T")


class AwaitableMethods(ABC):
    """The methods, to be awaited."""

    @abstractmethod
    def _perform(self, method: str, params: dict[str, Any], result: type[T], deadline: float | None) -> Awaitable[T]:
        """Call ``method``; its result is a ``result``."""

    def ping(
        self,
        *,
        deadline: float | None = None,
    ) -> Awaitable[str]:
        """Answer pong. Role: none."""
        return self._perform("ping", {}, str, deadline)

    def get_server_info(
        self,
        *,
        deadline: float | None = None,
    ) -> Awaitable[models.ServerInfo]:
        """Tell which server this is. Role: status."""
        return self._perform("get_server_info", {}, models.ServerInfo, deadline)

    def get_status(
        self,
        *,
        deadline: float | None = None,
    ) -> Awaitable[models.ServerStatus]:
        """Tell how the service is. Role: status."""
        return self._perform("get_status", {}, models.ServerStatus, deadline)

    def rpc_discover(
        self,
        *,
        deadline: float | None = None,
    ) -> Awaitable[dict[str, Any]]:
        """Describe all methods (OpenRPC 1.3). Role: none."""
        return self._perform("rpc.discover", {}, dict[str, Any], deadline)

    def get_camera_list(
        self,
        *,
        deadline: float | None = None,
    ) -> Awaitable[models.CameraList]:
        """List the cameras. Role: status."""
        return self._perform("get_camera_list", {}, models.CameraList, deadline)

    def get_camera_status(
        self,
        device: str,
        *,
        deadline: float | None = None,
    ) -> Awaitable[models.CameraStatus]:
        """Tell how a camera stands. Role: status."""
        params = {
            "device": device,
        }
        return self._perform("get_camera_status", params, models.CameraStatus, deadline)

    def get_camera_capabilities(
        self,
        device: str,
        *,
        refresh: bool | UnsetType = UNSET,
        deadline: float | None = None,
    ) -> Awaitable[models.Capabilities]:
        """Tell all that a camera can do. Role: status."""
        params = {
            "device": device,
            "refresh": refresh,
        }
        return self._perform("get_camera_capabilities", params, models.Capabilities, deadline)

    def set_camera_format(
        self,
        device: str,
        *,
        pixel_format: str | UnsetType = UNSET,
        width: int | UnsetType = UNSET,
        height: int | UnsetType = UNSET,
        fps: float | UnsetType = UNSET,
        deadline: float | None = None,
    ) -> Awaitable[models.ModeInForce]:
        """Set a camera's mode and tell which one the driver really gave. Role: operator."""
        params = {
            "device": device,
            "pixel_format": pixel_format,
            "width": width,
            "height": height,
            "fps": fps,
        }
        return self._perform("set_camera_format", params, models.ModeInForce, deadline)

    def set_camera_alias(
        self,
        device: str,
        name: str,
        *,
        deadline: float | None = None,
    ) -> Awaitable[models.CameraInfo]:
        """Name a camera. Role: operator."""
        params = {
            "device": device,
            "name": name,
        }
        return self._perform("set_camera_alias", params, models.CameraInfo, deadline)

    def diagnose_camera(
        self,
        device: str,
        *,
        deadline: float | None = None,
    ) -> Awaitable[models.CameraDiagnosis]:
        """Check what may be wrong with a camera or a device node. Role: status."""
        params = {
            "device": device,
        }
        return self._perform("diagnose_camera", params, models.CameraDiagnosis, deadline)

    def get_camera_controls(
        self,
        device: str,
        *,
        deadline: float | None = None,
    ) -> Awaitable[models.ControlList]:
        """List a camera's controls with their values and ranges. Role: status."""
        params = {
            "device": device,
        }
        return self._perform("get_camera_controls", params, models.ControlList, deadline)

    def set_camera_controls(
        self,
        device: str,
        controls: Mapping[str, bool | int | str],
        *,
        persist: bool | UnsetType = UNSET,
        deadline: float | None = None,
    ) -> Awaitable[models.ControlsSet]:
        """Set controls and tell what the driver made of it. Role: operator."""
        params = {
            "device": device,
            "controls": controls,
            "persist": persist,
        }
        return self._perform("set_camera_controls", params, models.ControlsSet, deadline)

    def reset_camera_controls(
        self,
        device: str,
        *,
        names: Sequence[str] | UnsetType = UNSET,
        deadline: float | None = None,
    ) -> Awaitable[models.ControlsSet]:
        """Set controls back to the driver's defaults. Role: operator."""
        params = {
            "device": device,
            "names": names,
        }
        return self._perform("reset_camera_controls", params, models.ControlsSet, deadline)

    def take_snapshot(
        self,
        device: str,
        *,
        filename: str | UnsetType = UNSET,
        format: Literal["jpg", "png"] | UnsetType = UNSET,
        quality: int | UnsetType = UNSET,
        fresh: bool | UnsetType = UNSET,
        max_age_ms: int | UnsetType = UNSET,
        inline: bool | UnsetType = UNSET,
        deadline: float | None = None,
    ) -> Awaitable[models.Snapshot]:
        """Take a picture and keep it. Role: operator."""
        params = {
            "device": device,
            "filename": filename,
            "format": format,
            "quality": quality,
            "fresh": fresh,
            "max_age_ms": max_age_ms,
            "inline": inline,
        }
        return self._perform("take_snapshot", params, models.Snapshot, deadline)

    def list_recordings(
        self,
        *,
        limit: int | UnsetType = UNSET,
        offset: int | UnsetType = UNSET,
        cursor: str | UnsetType | None = UNSET,
        device: str | UnsetType | None = UNSET,
        deadline: float | None = None,
    ) -> Awaitable[models.FileList]:
        """List recordings. Role: viewer."""
        params = {
            "limit": limit,
            "offset": offset,
            "cursor": cursor,
            "device": device,
        }
        return self._perform("list_recordings", params, models.FileList, deadline)

    def list_snapshots(
        self,
        *,
        limit: int | UnsetType = UNSET,
        offset: int | UnsetType = UNSET,
        cursor: str | UnsetType | None = UNSET,
        device: str | UnsetType | None = UNSET,
        deadline: float | None = None,
    ) -> Awaitable[models.FileList]:
        """List snapshots. Role: viewer."""
        params = {
            "limit": limit,
            "offset": offset,
            "cursor": cursor,
            "device": device,
        }
        return self._perform("list_snapshots", params, models.FileList, deadline)

    def get_recording_info(
        self,
        filename: str,
        *,
        deadline: float | None = None,
    ) -> Awaitable[models.RecordingInfo]:
        """Tell all that is known of a recording's file. Role: viewer."""
        params = {
            "filename": filename,
        }
        return self._perform("get_recording_info", params, models.RecordingInfo, deadline)

    def get_snapshot_info(
        self,
        filename: str,
        *,
        deadline: float | None = None,
    ) -> Awaitable[models.SnapshotInfo]:
        """Tell all that is known of a snapshot. Role: viewer."""
        params = {
            "filename": filename,
        }
        return self._perform("get_snapshot_info", params, models.SnapshotInfo, deadline)

    def delete_recording(
        self,
        filename: str,
        *,
        deadline: float | None = None,
    ) -> Awaitable[models.Deleted]:
        """Delete a recording. Role: operator."""
        params = {
            "filename": filename,
        }
        return self._perform("delete_recording", params, models.Deleted, deadline)

    def delete_snapshot(
        self,
        filename: str,
        *,
        deadline: float | None = None,
    ) -> Awaitable[models.Deleted]:
        """Delete a snapshot. Role: operator."""
        params = {
            "filename": filename,
        }
        return self._perform("delete_snapshot", params, models.Deleted, deadline)

    def protect_recording(
        self,
        filename: str,
        protected: bool,
        *,
        deadline: float | None = None,
    ) -> Awaitable[models.RecordingInfo]:
        """Keep a recording from being deleted, or let it. Role: operator."""
        params = {
            "filename": filename,
            "protected": protected,
        }
        return self._perform("protect_recording", params, models.RecordingInfo, deadline)

    def get_storage_info(
        self,
        *,
        deadline: float | None = None,
    ) -> Awaitable[models.StorageInfo]:
        """Tell how much room there is and what takes it. Role: status."""
        return self._perform("get_storage_info", {}, models.StorageInfo, deadline)

    def set_retention_policy(
        self,
        policy_type: Literal["age", "manual", "size"],
        enabled: bool,
        *,
        max_age_days: float | UnsetType | None = UNSET,
        max_size_gb: float | UnsetType | None = UNSET,
        deadline: float | None = None,
    ) -> Awaitable[models.Policy]:
        """Choose how long files are kept, also after a restart. Role: admin."""
        params = {
            "policy_type": policy_type,
            "max_age_days": max_age_days,
            "max_size_gb": max_size_gb,
            "enabled": enabled,
        }
        return self._perform("set_retention_policy", params, models.Policy, deadline)

    def cleanup_old_files(
        self,
        *,
        deadline: float | None = None,
    ) -> Awaitable[models.CleanedUp]:
        """Remove what the policy has no place for, now. Role: admin."""
        return self._perform("cleanup_old_files", {}, models.CleanedUp, deadline)

    def start_recording(
        self,
        device: str,
        *,
        duration: float | UnsetType = UNSET,
        format: Literal["fmp4", "mkv", "mp4"] | UnsetType = UNSET,
        filename: str | UnsetType = UNSET,
        segment_s: float | UnsetType = UNSET,
        pre_roll_s: float | UnsetType = UNSET,
        codec: Literal["copy", "h264"] | UnsetType = UNSET,
        deadline: float | None = None,
    ) -> Awaitable[models.RecordingStarted]:
        """Begin a recording; answered when its first frame is on the disk. Role: operator."""
        params = {
            "device": device,
            "duration": duration,
            "format": format,
            "filename": filename,
            "segment_s": segment_s,
            "pre_roll_s": pre_roll_s,
            "codec": codec,
        }
        return self._perform("start_recording", params, models.RecordingStarted, deadline)

    def stop_recording(
        self,
        *,
        device: str | UnsetType = UNSET,
        recording_id: str | UnsetType = UNSET,
        deadline: float | None = None,
    ) -> Awaitable[models.RecordingStopped]:
        """End a recording; answered when its file is whole. Role: operator."""
        params = {
            "device": device,
            "recording_id": recording_id,
        }
        return self._perform("stop_recording", params, models.RecordingStopped, deadline)

    def get_recording_status(
        self,
        device: str,
        *,
        deadline: float | None = None,
    ) -> Awaitable[models.RecordingStatus]:
        """Tell how the recording of a camera stands. Role: status."""
        params = {
            "device": device,
        }
        return self._perform("get_recording_status", params, models.RecordingStatus, deadline)

    def schedule_recording(
        self,
        device: str,
        duration: float,
        *,
        start_time: str | UnsetType | None = UNSET,
        cron: str | UnsetType | None = UNSET,
        timezone: str | UnsetType = UNSET,
        until: str | UnsetType | None = UNSET,
        name: str | UnsetType | None = UNSET,
        format: Literal["fmp4", "mkv", "mp4"] | UnsetType | None = UNSET,
        missed_run: Literal["record", "skip"] | UnsetType = UNSET,
        enabled: bool | UnsetType = UNSET,
        codec: Literal["copy", "h264"] | UnsetType | None = UNSET,
        deadline: float | None = None,
    ) -> Awaitable[models.ScheduleInfo]:
        """Record later, once or again and again. Role: operator."""
        params = {
            "device": device,
            "duration": duration,
            "start_time": start_time,
            "cron": cron,
            "timezone": timezone,
            "until": until,
            "name": name,
            "format": format,
            "missed_run": missed_run,
            "enabled": enabled,
            "codec": codec,
        }
        return self._perform("schedule_recording", params, models.ScheduleInfo, deadline)

    def list_schedules(
        self,
        *,
        device: str | UnsetType = UNSET,
        limit: int | UnsetType = UNSET,
        offset: int | UnsetType = UNSET,
        deadline: float | None = None,
    ) -> Awaitable[models.ScheduleList]:
        """List the schedules with their next and last runs. Role: status."""
        params = {
            "device": device,
            "limit": limit,
            "offset": offset,
        }
        return self._perform("list_schedules", params, models.ScheduleList, deadline)

    def get_schedule(
        self,
        schedule_id: str,
        *,
        deadline: float | None = None,
    ) -> Awaitable[models.ScheduleInfo]:
        """Tell how a schedule stands. Role: status."""
        params = {
            "schedule_id": schedule_id,
        }
        return self._perform("get_schedule", params, models.ScheduleInfo, deadline)

    def update_schedule(
        self,
        schedule_id: str,
        *,
        device: str | UnsetType = UNSET,
        duration: float | UnsetType = UNSET,
        start_time: str | UnsetType | None = UNSET,
        cron: str | UnsetType | None = UNSET,
        timezone: str | UnsetType = UNSET,
        until: str | UnsetType | None = UNSET,
        name: str | UnsetType | None = UNSET,
        format: Literal["fmp4", "mkv", "mp4"] | UnsetType | None = UNSET,
        missed_run: Literal["record", "skip"] | UnsetType = UNSET,
        enabled: bool | UnsetType = UNSET,
        codec: Literal["copy", "h264"] | UnsetType | None = UNSET,
        deadline: float | None = None,
    ) -> Awaitable[models.ScheduleInfo]:
        """Change a schedule from its next run on. Role: operator."""
        params = {
            "schedule_id": schedule_id,
            "device": device,
            "duration": duration,
            "start_time": start_time,
            "cron": cron,
            "timezone": timezone,
            "until": until,
            "name": name,
            "format": format,
            "missed_run": missed_run,
            "enabled": enabled,
            "codec": codec,
        }
        return self._perform("update_schedule", params, models.ScheduleInfo, deadline)

    def cancel_schedule(
        self,
        schedule_id: str,
        *,
        deadline: float | None = None,
    ) -> Awaitable[models.ScheduleCancelled]:
        """Forget a schedule, and end its recording unless somebody else has a part in it. Role: operator."""
        params = {
            "schedule_id": schedule_id,
        }
        return self._perform("cancel_schedule", params, models.ScheduleCancelled, deadline)

    def get_config(
        self,
        *,
        deadline: float | None = None,
    ) -> Awaitable[models.ConfigInForce]:
        """Show the configuration in force, and where each option comes from. Role: admin."""
        return self._perform("get_config", {}, models.ConfigInForce, deadline)

    def reload_config(
        self,
        *,
        deadline: float | None = None,
    ) -> Awaitable[models.ConfigReloaded]:
        """Read the configuration again; what is wrong changes nothing. Role: admin."""
        return self._perform("reload_config", {}, models.ConfigReloaded, deadline)

    def get_session(
        self,
        *,
        deadline: float | None = None,
    ) -> Awaitable[models.Session]:
        """Tell who the caller is, and what it may do. Role: none."""
        return self._perform("get_session", {}, models.Session, deadline)

    def get_oneshot_token(
        self,
        *,
        ttl_s: float | UnsetType = UNSET,
        deadline: float | None = None,
    ) -> Awaitable[models.OneShotToken]:
        """Get a token for one URL that a browser opens by itself: a picture, a stream, a file. Role: viewer."""
        params = {
            "ttl_s": ttl_s,
        }
        return self._perform("get_oneshot_token", params, models.OneShotToken, deadline)

    def create_token(
        self,
        role: Literal["admin", "operator", "status", "viewer"],
        *,
        name: str | UnsetType = UNSET,
        kind: Literal["jwt", "key", "url"] | UnsetType = UNSET,
        ttl_s: float | UnsetType | None = UNSET,
        camera_id: str | UnsetType | None = UNSET,
        deadline: float | None = None,
    ) -> Awaitable[models.TokenCreated]:
        """Make a token, and tell it this once. Role: admin."""
        params = {
            "role": role,
            "name": name,
            "kind": kind,
            "ttl_s": ttl_s,
            "camera_id": camera_id,
        }
        return self._perform("create_token", params, models.TokenCreated, deadline)

    def list_tokens(
        self,
        *,
        deadline: float | None = None,
    ) -> Awaitable[models.TokenList]:
        """List the tokens, without what could be used as one. Role: admin."""
        return self._perform("list_tokens", {}, models.TokenList, deadline)

    def revoke_token(
        self,
        token_id: str,
        *,
        deadline: float | None = None,
    ) -> Awaitable[models.TokenRevoked]:
        """Have a token be worth nothing, on open connections too. Role: admin."""
        params = {
            "token_id": token_id,
        }
        return self._perform("revoke_token", params, models.TokenRevoked, deadline)

    def rotate_secret(
        self,
        *,
        keep_old: bool | UnsetType = UNSET,
        deadline: float | None = None,
    ) -> Awaitable[models.SecretRotated]:
        """Sign JWTs with another secret from now on. Role: admin."""
        params = {
            "keep_old": keep_old,
        }
        return self._perform("rotate_secret", params, models.SecretRotated, deadline)

    def get_metrics(
        self,
        *,
        deadline: float | None = None,
    ) -> Awaitable[models.Metrics]:
        """Give the counters and gauges of the service, the same figures as /metrics. Role: status."""
        return self._perform("get_metrics", {}, models.Metrics, deadline)


class DeferredMethods(ABC):
    """The methods, as Deferreds."""

    @abstractmethod
    def _perform(self, method: str, params: dict[str, Any], result: type[T], deadline: float | None) -> Deferred[T]:
        """Call ``method``; its result is a ``result``."""

    def ping(
        self,
        *,
        deadline: float | None = None,
    ) -> Deferred[str]:
        """Answer pong. Role: none."""
        return self._perform("ping", {}, str, deadline)

    def get_server_info(
        self,
        *,
        deadline: float | None = None,
    ) -> Deferred[models.ServerInfo]:
        """Tell which server this is. Role: status."""
        return self._perform("get_server_info", {}, models.ServerInfo, deadline)

    def get_status(
        self,
        *,
        deadline: float | None = None,
    ) -> Deferred[models.ServerStatus]:
        """Tell how the service is. Role: status."""
        return self._perform("get_status", {}, models.ServerStatus, deadline)

    def rpc_discover(
        self,
        *,
        deadline: float | None = None,
    ) -> Deferred[dict[str, Any]]:
        """Describe all methods (OpenRPC 1.3). Role: none."""
        return self._perform("rpc.discover", {}, dict[str, Any], deadline)

    def get_camera_list(
        self,
        *,
        deadline: float | None = None,
    ) -> Deferred[models.CameraList]:
        """List the cameras. Role: status."""
        return self._perform("get_camera_list", {}, models.CameraList, deadline)

    def get_camera_status(
        self,
        device: str,
        *,
        deadline: float | None = None,
    ) -> Deferred[models.CameraStatus]:
        """Tell how a camera stands. Role: status."""
        params = {
            "device": device,
        }
        return self._perform("get_camera_status", params, models.CameraStatus, deadline)

    def get_camera_capabilities(
        self,
        device: str,
        *,
        refresh: bool | UnsetType = UNSET,
        deadline: float | None = None,
    ) -> Deferred[models.Capabilities]:
        """Tell all that a camera can do. Role: status."""
        params = {
            "device": device,
            "refresh": refresh,
        }
        return self._perform("get_camera_capabilities", params, models.Capabilities, deadline)

    def set_camera_format(
        self,
        device: str,
        *,
        pixel_format: str | UnsetType = UNSET,
        width: int | UnsetType = UNSET,
        height: int | UnsetType = UNSET,
        fps: float | UnsetType = UNSET,
        deadline: float | None = None,
    ) -> Deferred[models.ModeInForce]:
        """Set a camera's mode and tell which one the driver really gave. Role: operator."""
        params = {
            "device": device,
            "pixel_format": pixel_format,
            "width": width,
            "height": height,
            "fps": fps,
        }
        return self._perform("set_camera_format", params, models.ModeInForce, deadline)

    def set_camera_alias(
        self,
        device: str,
        name: str,
        *,
        deadline: float | None = None,
    ) -> Deferred[models.CameraInfo]:
        """Name a camera. Role: operator."""
        params = {
            "device": device,
            "name": name,
        }
        return self._perform("set_camera_alias", params, models.CameraInfo, deadline)

    def diagnose_camera(
        self,
        device: str,
        *,
        deadline: float | None = None,
    ) -> Deferred[models.CameraDiagnosis]:
        """Check what may be wrong with a camera or a device node. Role: status."""
        params = {
            "device": device,
        }
        return self._perform("diagnose_camera", params, models.CameraDiagnosis, deadline)

    def get_camera_controls(
        self,
        device: str,
        *,
        deadline: float | None = None,
    ) -> Deferred[models.ControlList]:
        """List a camera's controls with their values and ranges. Role: status."""
        params = {
            "device": device,
        }
        return self._perform("get_camera_controls", params, models.ControlList, deadline)

    def set_camera_controls(
        self,
        device: str,
        controls: Mapping[str, bool | int | str],
        *,
        persist: bool | UnsetType = UNSET,
        deadline: float | None = None,
    ) -> Deferred[models.ControlsSet]:
        """Set controls and tell what the driver made of it. Role: operator."""
        params = {
            "device": device,
            "controls": controls,
            "persist": persist,
        }
        return self._perform("set_camera_controls", params, models.ControlsSet, deadline)

    def reset_camera_controls(
        self,
        device: str,
        *,
        names: Sequence[str] | UnsetType = UNSET,
        deadline: float | None = None,
    ) -> Deferred[models.ControlsSet]:
        """Set controls back to the driver's defaults. Role: operator."""
        params = {
            "device": device,
            "names": names,
        }
        return self._perform("reset_camera_controls", params, models.ControlsSet, deadline)

    def take_snapshot(
        self,
        device: str,
        *,
        filename: str | UnsetType = UNSET,
        format: Literal["jpg", "png"] | UnsetType = UNSET,
        quality: int | UnsetType = UNSET,
        fresh: bool | UnsetType = UNSET,
        max_age_ms: int | UnsetType = UNSET,
        inline: bool | UnsetType = UNSET,
        deadline: float | None = None,
    ) -> Deferred[models.Snapshot]:
        """Take a picture and keep it. Role: operator."""
        params = {
            "device": device,
            "filename": filename,
            "format": format,
            "quality": quality,
            "fresh": fresh,
            "max_age_ms": max_age_ms,
            "inline": inline,
        }
        return self._perform("take_snapshot", params, models.Snapshot, deadline)

    def list_recordings(
        self,
        *,
        limit: int | UnsetType = UNSET,
        offset: int | UnsetType = UNSET,
        cursor: str | UnsetType | None = UNSET,
        device: str | UnsetType | None = UNSET,
        deadline: float | None = None,
    ) -> Deferred[models.FileList]:
        """List recordings. Role: viewer."""
        params = {
            "limit": limit,
            "offset": offset,
            "cursor": cursor,
            "device": device,
        }
        return self._perform("list_recordings", params, models.FileList, deadline)

    def list_snapshots(
        self,
        *,
        limit: int | UnsetType = UNSET,
        offset: int | UnsetType = UNSET,
        cursor: str | UnsetType | None = UNSET,
        device: str | UnsetType | None = UNSET,
        deadline: float | None = None,
    ) -> Deferred[models.FileList]:
        """List snapshots. Role: viewer."""
        params = {
            "limit": limit,
            "offset": offset,
            "cursor": cursor,
            "device": device,
        }
        return self._perform("list_snapshots", params, models.FileList, deadline)

    def get_recording_info(
        self,
        filename: str,
        *,
        deadline: float | None = None,
    ) -> Deferred[models.RecordingInfo]:
        """Tell all that is known of a recording's file. Role: viewer."""
        params = {
            "filename": filename,
        }
        return self._perform("get_recording_info", params, models.RecordingInfo, deadline)

    def get_snapshot_info(
        self,
        filename: str,
        *,
        deadline: float | None = None,
    ) -> Deferred[models.SnapshotInfo]:
        """Tell all that is known of a snapshot. Role: viewer."""
        params = {
            "filename": filename,
        }
        return self._perform("get_snapshot_info", params, models.SnapshotInfo, deadline)

    def delete_recording(
        self,
        filename: str,
        *,
        deadline: float | None = None,
    ) -> Deferred[models.Deleted]:
        """Delete a recording. Role: operator."""
        params = {
            "filename": filename,
        }
        return self._perform("delete_recording", params, models.Deleted, deadline)

    def delete_snapshot(
        self,
        filename: str,
        *,
        deadline: float | None = None,
    ) -> Deferred[models.Deleted]:
        """Delete a snapshot. Role: operator."""
        params = {
            "filename": filename,
        }
        return self._perform("delete_snapshot", params, models.Deleted, deadline)

    def protect_recording(
        self,
        filename: str,
        protected: bool,
        *,
        deadline: float | None = None,
    ) -> Deferred[models.RecordingInfo]:
        """Keep a recording from being deleted, or let it. Role: operator."""
        params = {
            "filename": filename,
            "protected": protected,
        }
        return self._perform("protect_recording", params, models.RecordingInfo, deadline)

    def get_storage_info(
        self,
        *,
        deadline: float | None = None,
    ) -> Deferred[models.StorageInfo]:
        """Tell how much room there is and what takes it. Role: status."""
        return self._perform("get_storage_info", {}, models.StorageInfo, deadline)

    def set_retention_policy(
        self,
        policy_type: Literal["age", "manual", "size"],
        enabled: bool,
        *,
        max_age_days: float | UnsetType | None = UNSET,
        max_size_gb: float | UnsetType | None = UNSET,
        deadline: float | None = None,
    ) -> Deferred[models.Policy]:
        """Choose how long files are kept, also after a restart. Role: admin."""
        params = {
            "policy_type": policy_type,
            "max_age_days": max_age_days,
            "max_size_gb": max_size_gb,
            "enabled": enabled,
        }
        return self._perform("set_retention_policy", params, models.Policy, deadline)

    def cleanup_old_files(
        self,
        *,
        deadline: float | None = None,
    ) -> Deferred[models.CleanedUp]:
        """Remove what the policy has no place for, now. Role: admin."""
        return self._perform("cleanup_old_files", {}, models.CleanedUp, deadline)

    def start_recording(
        self,
        device: str,
        *,
        duration: float | UnsetType = UNSET,
        format: Literal["fmp4", "mkv", "mp4"] | UnsetType = UNSET,
        filename: str | UnsetType = UNSET,
        segment_s: float | UnsetType = UNSET,
        pre_roll_s: float | UnsetType = UNSET,
        codec: Literal["copy", "h264"] | UnsetType = UNSET,
        deadline: float | None = None,
    ) -> Deferred[models.RecordingStarted]:
        """Begin a recording; answered when its first frame is on the disk. Role: operator."""
        params = {
            "device": device,
            "duration": duration,
            "format": format,
            "filename": filename,
            "segment_s": segment_s,
            "pre_roll_s": pre_roll_s,
            "codec": codec,
        }
        return self._perform("start_recording", params, models.RecordingStarted, deadline)

    def stop_recording(
        self,
        *,
        device: str | UnsetType = UNSET,
        recording_id: str | UnsetType = UNSET,
        deadline: float | None = None,
    ) -> Deferred[models.RecordingStopped]:
        """End a recording; answered when its file is whole. Role: operator."""
        params = {
            "device": device,
            "recording_id": recording_id,
        }
        return self._perform("stop_recording", params, models.RecordingStopped, deadline)

    def get_recording_status(
        self,
        device: str,
        *,
        deadline: float | None = None,
    ) -> Deferred[models.RecordingStatus]:
        """Tell how the recording of a camera stands. Role: status."""
        params = {
            "device": device,
        }
        return self._perform("get_recording_status", params, models.RecordingStatus, deadline)

    def schedule_recording(
        self,
        device: str,
        duration: float,
        *,
        start_time: str | UnsetType | None = UNSET,
        cron: str | UnsetType | None = UNSET,
        timezone: str | UnsetType = UNSET,
        until: str | UnsetType | None = UNSET,
        name: str | UnsetType | None = UNSET,
        format: Literal["fmp4", "mkv", "mp4"] | UnsetType | None = UNSET,
        missed_run: Literal["record", "skip"] | UnsetType = UNSET,
        enabled: bool | UnsetType = UNSET,
        codec: Literal["copy", "h264"] | UnsetType | None = UNSET,
        deadline: float | None = None,
    ) -> Deferred[models.ScheduleInfo]:
        """Record later, once or again and again. Role: operator."""
        params = {
            "device": device,
            "duration": duration,
            "start_time": start_time,
            "cron": cron,
            "timezone": timezone,
            "until": until,
            "name": name,
            "format": format,
            "missed_run": missed_run,
            "enabled": enabled,
            "codec": codec,
        }
        return self._perform("schedule_recording", params, models.ScheduleInfo, deadline)

    def list_schedules(
        self,
        *,
        device: str | UnsetType = UNSET,
        limit: int | UnsetType = UNSET,
        offset: int | UnsetType = UNSET,
        deadline: float | None = None,
    ) -> Deferred[models.ScheduleList]:
        """List the schedules with their next and last runs. Role: status."""
        params = {
            "device": device,
            "limit": limit,
            "offset": offset,
        }
        return self._perform("list_schedules", params, models.ScheduleList, deadline)

    def get_schedule(
        self,
        schedule_id: str,
        *,
        deadline: float | None = None,
    ) -> Deferred[models.ScheduleInfo]:
        """Tell how a schedule stands. Role: status."""
        params = {
            "schedule_id": schedule_id,
        }
        return self._perform("get_schedule", params, models.ScheduleInfo, deadline)

    def update_schedule(
        self,
        schedule_id: str,
        *,
        device: str | UnsetType = UNSET,
        duration: float | UnsetType = UNSET,
        start_time: str | UnsetType | None = UNSET,
        cron: str | UnsetType | None = UNSET,
        timezone: str | UnsetType = UNSET,
        until: str | UnsetType | None = UNSET,
        name: str | UnsetType | None = UNSET,
        format: Literal["fmp4", "mkv", "mp4"] | UnsetType | None = UNSET,
        missed_run: Literal["record", "skip"] | UnsetType = UNSET,
        enabled: bool | UnsetType = UNSET,
        codec: Literal["copy", "h264"] | UnsetType | None = UNSET,
        deadline: float | None = None,
    ) -> Deferred[models.ScheduleInfo]:
        """Change a schedule from its next run on. Role: operator."""
        params = {
            "schedule_id": schedule_id,
            "device": device,
            "duration": duration,
            "start_time": start_time,
            "cron": cron,
            "timezone": timezone,
            "until": until,
            "name": name,
            "format": format,
            "missed_run": missed_run,
            "enabled": enabled,
            "codec": codec,
        }
        return self._perform("update_schedule", params, models.ScheduleInfo, deadline)

    def cancel_schedule(
        self,
        schedule_id: str,
        *,
        deadline: float | None = None,
    ) -> Deferred[models.ScheduleCancelled]:
        """Forget a schedule, and end its recording unless somebody else has a part in it. Role: operator."""
        params = {
            "schedule_id": schedule_id,
        }
        return self._perform("cancel_schedule", params, models.ScheduleCancelled, deadline)

    def get_config(
        self,
        *,
        deadline: float | None = None,
    ) -> Deferred[models.ConfigInForce]:
        """Show the configuration in force, and where each option comes from. Role: admin."""
        return self._perform("get_config", {}, models.ConfigInForce, deadline)

    def reload_config(
        self,
        *,
        deadline: float | None = None,
    ) -> Deferred[models.ConfigReloaded]:
        """Read the configuration again; what is wrong changes nothing. Role: admin."""
        return self._perform("reload_config", {}, models.ConfigReloaded, deadline)

    def get_session(
        self,
        *,
        deadline: float | None = None,
    ) -> Deferred[models.Session]:
        """Tell who the caller is, and what it may do. Role: none."""
        return self._perform("get_session", {}, models.Session, deadline)

    def get_oneshot_token(
        self,
        *,
        ttl_s: float | UnsetType = UNSET,
        deadline: float | None = None,
    ) -> Deferred[models.OneShotToken]:
        """Get a token for one URL that a browser opens by itself: a picture, a stream, a file. Role: viewer."""
        params = {
            "ttl_s": ttl_s,
        }
        return self._perform("get_oneshot_token", params, models.OneShotToken, deadline)

    def create_token(
        self,
        role: Literal["admin", "operator", "status", "viewer"],
        *,
        name: str | UnsetType = UNSET,
        kind: Literal["jwt", "key", "url"] | UnsetType = UNSET,
        ttl_s: float | UnsetType | None = UNSET,
        camera_id: str | UnsetType | None = UNSET,
        deadline: float | None = None,
    ) -> Deferred[models.TokenCreated]:
        """Make a token, and tell it this once. Role: admin."""
        params = {
            "role": role,
            "name": name,
            "kind": kind,
            "ttl_s": ttl_s,
            "camera_id": camera_id,
        }
        return self._perform("create_token", params, models.TokenCreated, deadline)

    def list_tokens(
        self,
        *,
        deadline: float | None = None,
    ) -> Deferred[models.TokenList]:
        """List the tokens, without what could be used as one. Role: admin."""
        return self._perform("list_tokens", {}, models.TokenList, deadline)

    def revoke_token(
        self,
        token_id: str,
        *,
        deadline: float | None = None,
    ) -> Deferred[models.TokenRevoked]:
        """Have a token be worth nothing, on open connections too. Role: admin."""
        params = {
            "token_id": token_id,
        }
        return self._perform("revoke_token", params, models.TokenRevoked, deadline)

    def rotate_secret(
        self,
        *,
        keep_old: bool | UnsetType = UNSET,
        deadline: float | None = None,
    ) -> Deferred[models.SecretRotated]:
        """Sign JWTs with another secret from now on. Role: admin."""
        params = {
            "keep_old": keep_old,
        }
        return self._perform("rotate_secret", params, models.SecretRotated, deadline)

    def get_metrics(
        self,
        *,
        deadline: float | None = None,
    ) -> Deferred[models.Metrics]:
        """Give the counters and gauges of the service, the same figures as /metrics. Role: status."""
        return self._perform("get_metrics", {}, models.Metrics, deadline)
