#pragma once
// The world as groups see it at one moment: settings, topics, and what groups are configured to. Immutable; exchanged as
// a whole when the metadata or the configuration change.

#include "group_settings.hpp"
#include "group_step.hpp"

#include "tidelog/metadata/config_effective.hpp"
#include "tidelog/metadata/image.hpp"
#include "tidelog/partition/partition_manager.hpp"

#include <memory>
#include <mutex>
#include <optional>
#include <string>

namespace tidelog::coordinator {

/// The topics of a metadata image.
class image_catalog final : public topic_catalog {
 public:
  image_catalog(metadata::image_ptr image, std::int64_t version, std::optional<std::string> rack)
      : image_(std::move(image)), version_(version), rack_(std::move(rack)) {}
  [[nodiscard]] std::optional<topic_summary> find(const std::string& name) const override;
  [[nodiscard]] std::optional<topic_summary> find(const model::topic_id& id) const override;
  void for_each(const std::function<void(const topic_summary&)>& visit) const override;
  [[nodiscard]] std::int64_t version() const override { return version_; }
  [[nodiscard]] const std::optional<std::string>& rack() const override { return rack_; }

 private:
  metadata::image_ptr image_;
  std::int64_t version_;
  std::optional<std::string> rack_;
};

class group_surroundings {
 public:
  /// `topics_version` rises with every change of the image's topics.
  group_surroundings(const metadata::broker_config& config, metadata::image_ptr image,
                     std::int64_t topics_version, partition::partition_manager::layers_of_topic layers);

  [[nodiscard]] const group_settings& settings() const { return settings_; }
  [[nodiscard]] const topic_catalog& topics() const { return topics_; }
  [[nodiscard]] consumer_group_overrides overrides_of(const std::string& group_id) const;
  [[nodiscard]] std::uint64_t load_buffer_bytes() const { return load_buffer_bytes_; }

 private:
  group_settings settings_;
  std::uint64_t load_buffer_bytes_;
  metadata::image_ptr image_;
  partition::partition_manager::layers_of_topic layers_;
  image_catalog topics_;
};

/// Where the newest surroundings are. Thread safe.
class surroundings_board {
 public:
  [[nodiscard]] std::shared_ptr<const group_surroundings> current() const {
    const std::lock_guard lock(mutex_);
    return current_;
  }
  void publish(std::shared_ptr<const group_surroundings> next) {
    const std::lock_guard lock(mutex_);
    current_.swap(next);
  }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const group_surroundings> current_;
};

}  // namespace tidelog::coordinator
