#include "many_files.hpp"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

namespace tidelog::floor_bench {

many_files::many_files(const options& wanted) : most_open_(wanted.open_files), files_(wanted.files) {
  rlimit descriptors{};
  must(::getrlimit(RLIMIT_NOFILE, &descriptors), "getrlimit");
  descriptors.rlim_cur = descriptors.rlim_max;
  must(::setrlimit(RLIMIT_NOFILE, &descriptors), "setrlimit");
  for (std::size_t i = 0; i < files_.size(); ++i) {
    const auto directory = wanted.directory + "/" + std::to_string(i);
    must(::mkdir(directory.c_str(), 0700), "mkdir");
    files_[i].name = directory + "/00000000000000000000.log";
    open(files_[i], O_CREAT);
  }
}

void many_files::append(const std::byte* bytes, std::size_t count) {
  file& chosen = files_[random_() % files_.size()];
  if (chosen.opened.get() < 0) open(chosen, 0);
  must(::pwrite(chosen.opened.get(), bytes, count, static_cast<off_t>(chosen.position)), "pwrite");
  chosen.position += count;
  chosen.has_grown = true;
}

std::vector<descriptor> many_files::take_grown() {
  std::vector<descriptor> grown;
  for (file& each : files_) {
    if (!each.has_grown || each.opened.get() < 0) continue;
    grown.emplace_back(static_cast<int>(must(::fcntl(each.opened.get(), F_DUPFD_CLOEXEC, 0), "fcntl")));
    each.has_grown = false;
  }
  return grown;
}

void many_files::open(file& which, int flags) {
  if (open_.size() == most_open_) {
    open_.front()->opened = descriptor();
    open_.pop_front();
  }
  const int number = ::open(which.name.c_str(), O_RDWR | O_CLOEXEC | flags, 0600);
  which.opened = descriptor(static_cast<int>(must(number, "open")));
  open_.push_back(&which);
}

}  // namespace tidelog::floor_bench
